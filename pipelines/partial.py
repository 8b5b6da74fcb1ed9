"""What one runner has built of a release, for another to assemble: the document beside the images. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines import model
from pipelines.invocation import Maker
from pipelines.model import Unit
from pipelines.record import Digest, Platform

FILE: Final = "partial.json"

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Baked(_Data):
    """A build secret whose value is in the image: what the gate judges, like any finding."""

    name: str
    title: str
    target: str


class Image(_Data):
    """One platform's image of one service, built, booted and searched."""

    service: str
    platform: Platform
    digest: Digest = Field(description="Of its manifest.")
    archive: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.tar$", description="File beside the document: OCI.")
    sha256: _Hash = Field(description="Of the archive.")
    inputs: _Hash = Field(description="Of everything that the repository says of it; see `pipelines.assembling`.")
    bases: dict[str, Digest] | None = Field(
        description="Image that its Dockerfile names → its digest at the time; null if they cannot be told."
    )
    boot_ms: int | None = Field(description="Until it answered its health check; null if it is no server.")
    seconds: float = Field(ge=0, description="That building it took.")
    baked: tuple[Baked, ...] = ()

    @property
    def unit(self) -> Unit:
        return Unit(service=self.service, platform=model.Platform(self.platform))


class Partial(_Data):
    """The document."""

    format: Literal[1] = Field(description="Version of this format.")
    run: str = Field(description="The run that built them.")
    invocation: str | None = Field(description="URL of that run, where it has one.")
    builder: str = Field(description="What decided over the build, as provenance names it.")
    project: str
    environment: str
    commit: str
    sealift: str = Field(description="Version of Sealift.")
    engine: str = Field(description="Version of the engine.")
    engine_platform: Platform
    images: tuple[Image, ...] = Field(min_length=1)

    @property
    def maker(self) -> Maker:
        return Maker(
            run=self.run, invocation=self.invocation, builder=self.builder, engine_platform=self.engine_platform
        )

    def text(self) -> str:
        """The document as it is written."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, kw_only=True)
class Part:
    """An image of a partial.

    :param folder: that has the document and the archive.
    """

    folder: Path
    partial: Partial
    image: Image

    @property
    def archive(self) -> Path:
        return self.folder / self.image.archive


def archive_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
