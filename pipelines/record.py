"""A release record that was written before, read again: what resume, rollback and promotion work from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines import model
from pipelines.errors import ConfigError
from pipelines.key import Key
from pipelines.model import Sealed
from pipelines.moves import TagMove
from pipelines.predicates import SBOMS
from pipelines.release import FORMAT, Place, ServiceRelease, as_text, published, record_tags

Digest = Annotated[str, AfterValidator(model.Digest)]
Platform = Annotated[str, AfterValidator(model.Platform)]
Tag = Annotated[str, AfterValidator(model.Tag)]
InputKey = Annotated[str, AfterValidator(Key)]


class _Data(BaseModel):
    """Keys that this version does not know are kept out of its way: a later version may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Move(_Data):
    """A tag before and after the release."""

    tag: Tag
    before: Digest | None = Field(description="What it named before; null if there was no such tag.")
    after: Digest = Field(description="What it names after the release.")
    moved: bool = Field(description="Whether this release moved it.")
    kept: str | None = Field(description="Why it stayed although the release is older than what it names.")


class Published(_Data):
    """A service at one registry, in the order of `plan.targets`."""

    repository: str
    tags: tuple[Move, ...]


class MadeBy(_Data):
    """A run that built an image for the one that released it."""

    run: str
    invocation: str | None = Field(description="URL of the run, where it has one.")
    builder: str = Field(description="What decided over the build, as provenance names it.")
    engine_platform: Platform = Field(description="That its engine runs on.")


class Unit(_Data):
    """One platform's image, as it was examined."""

    digest: Digest
    size: int = Field(description="Compressed bytes.")
    layers: int
    user: str
    labels: dict[str, str]
    packages: int = Field(description="Packages in its SBOM.")
    boot_ms: int | None
    cached: bool
    seconds: float
    findings: dict[str, int] = Field(description="Vulnerabilities by severity.")
    secrets: int | None
    made_by: MadeBy | None = Field(
        default=None,
        description="Who built it, if this run did not: 'sealift build --partial', for 'sealift assemble'.",
    )

    def made(self, reused: str | None) -> str:
        """As `model.Examined.made`, of a service that was reused or not."""
        return model.how_made(reused=reused is not None, elsewhere=self.made_by is not None, cached=self.cached)


class Service(_Data):
    """What was released of one service; `index` is null for one that stayed on the machine."""

    index: Digest | None
    attested: tuple[str, ...] = Field(
        default=SBOMS,
        description="What is attested to the index and its platforms, by Cosign's names of the types; records of"
        " earlier versions do not have the key, and their images SBOMs only.",
    )
    key: InputKey | None = Field(
        default=None, description="Hash of what the image is made of; null if that cannot be told."
    )
    reused: str | None = Field(default=None, description="Repository that it was fetched from; null if it was built.")
    published: tuple[Published, ...]
    platforms: dict[Platform, Unit]


class Registry(_Data):
    """A registry that the release goes to."""

    registry: str
    prefix: str
    insecure: bool

    @property
    def target(self) -> model.Target:
        """The same, as the pipeline has it."""
        return model.Target(registry=self.registry, prefix=self.prefix, insecure=self.insecure)


class Boot(_Data):
    """The health check that a service's images passed: `GET path` on the port, answered with 200 to 399."""

    port: int
    path: str
    timeout: int = Field(description="Seconds that it had.")


class Planned(_Data):
    """As much of a service's plan as a reader needs."""

    name: str
    version: str | None
    published: bool
    boot: Boot | None = Field(
        default=None, description="null: it is no server. Earlier records of this format do not have the key."
    )


class Plan(_Data):
    """As much of the plan as a reader needs."""

    project: str
    environment: str
    targets: tuple[Registry, ...] = Field(min_length=1)
    when_tags_fail: Literal["move-back", "stop"]
    commit: str
    version: str | None
    tag_prefix: str
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    origins: dict[str, str] = Field(
        default={}, description="Setting → what decided it: `default`, `file`, `environment` or `flag`."
    )
    services: tuple[Planned, ...]


class Record(_Data):
    """The document."""

    format: Literal[2] = Field(description="Version of this format.")
    id: str
    state: Literal["examined", "refused", "signed", "recorded", "moving", "undone", "published"]
    started: datetime
    finished: datetime | None
    fit_for_release: bool
    rebuilt_bases: bool
    plan: Plan
    tools: dict[str, str]
    database: dict[str, Any] | None
    public_key: str | None
    verdict: dict[str, Any]
    source: Registry | None = Field(
        default=None, description="Where its images were taken from, if it was not built: promoted, or brought back."
    )
    because: str | None = Field(default=None, description="What it was made of, in words, if it was not built.")
    services: dict[str, Service]

    @model_validator(mode="after")
    def _at_every_registry(self) -> Self:
        for name, service in self.services.items():
            if len(service.published) not in (0, len(self.plan.targets)):
                raise ValueError(
                    f"{name} is published at {len(service.published)} registries of {len(self.plan.targets)}"
                )
        return self

    @property
    def targets(self) -> tuple[model.Target, ...]:
        """The registries of the release, in its order."""
        return tuple(item.target for item in self.plan.targets)

    @property
    def tags(self) -> tuple[model.Tag, ...]:
        """The tags that the record is kept under."""
        own = {item.name: item.version for item in self.plan.services if item.published and item.version}
        return record_tags(self.id, self.plan.tag_prefix, self.plan.version, own)

    @property
    def keys(self) -> Mapping[str, str]:
        """Service → the input key of its image."""
        return {name: service.key for name, service in self.services.items() if service.key}

    @property
    def silent(self) -> Set[str]:
        """Services whose index does not say what is attested to it: earlier versions made them."""
        return {name for name, service in self.services.items() if "attested" not in service.model_fields_set}

    @property
    def lot(self) -> Mapping[str, Sealed]:
        """Service → what it publishes."""
        return {
            name: Sealed(
                service=name,
                index=model.Digest(service.index),
                platforms={
                    model.Platform(platform): model.Digest(unit.digest) for platform, unit in service.platforms.items()
                },
                version=next((unit.labels.get(model.VERSION) for unit in service.platforms.values()), None),
                attested=service.attested,
            )
            for name, service in self.services.items()
            if service.index
        }

    @property
    def found(self) -> Mapping[str, ServiceRelease]:
        """Service → its tags at each registry, as the record has them."""
        return {
            name: ServiceRelease(
                index=model.Digest(service.index),
                attested=service.attested,
                places=tuple(
                    Place(target=target, tags=tuple(_move(move) for move in place.tags))
                    for target, place in zip(self.targets, service.published, strict=False)
                ),
            )
            for name, service in self.services.items()
            if service.index
        }


def _move(move: Move) -> TagMove:
    return TagMove(
        tag=model.Tag(move.tag),
        before=model.Digest(move.before) if move.before else None,
        after=model.Digest(move.after),
        moved=move.moved,
        kept=move.kept,
    )


def updated(
    text: str,
    *,
    state: str,
    finished: datetime | None = None,
    found: Mapping[str, ServiceRelease] | None = None,
) -> str:
    """The document in another state; what is not given stays as it is."""
    document = json.loads(text)
    document["state"] = state
    if finished:
        document["finished"] = finished.isoformat()
    for name, release in (found or {}).items():
        document["services"][name]["published"] = published(name, release)
    return as_text(document)


def read(text: str | bytes, origin: str | Path) -> Record:
    """The record in a text.

    :param origin: where it was found, for messages.
    :raises ConfigError: it is no whole record of this format; everything that is wrong is named.
    """
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        details = error.errors(include_url=False)
        wrong = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}".removeprefix(": ") for item in details]
        raise ConfigError(
            f"{origin} is no release record of format {FORMAT}:\n    " + "\n    ".join(wrong),
            remedy="name a release.json that 'sealift build-all' of this version wrote",
            step="record",
        ) from error


def read_file(path: Path) -> Record:
    """The record in a file.

    :raises ConfigError: there is none, or it is no record.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"no release record can be read from {path}: {error.strerror}",
            remedy="name the release.json of the release",
            step="record",
        ) from error
    return read(text, path)
