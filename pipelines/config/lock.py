"""`sealift.lock`: its shape, its reading and its checks. The data that it becomes is in `pipelines.lock`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from pipelines.config.bases import ToolName
from pipelines.config.explain import explain
from pipelines.config.files import read_text
from pipelines.config.problems import Finding, InvalidConfig, in_order
from pipelines.config.types import Flag, FormatOne, Name, PlatformName, Strict, Text
from pipelines.config.yaml_nodes import Document, parse_yaml
from pipelines.errors import shown
from pipelines.images import parse_image
from pipelines.lock import FILE, Lock, Locked
from pipelines.malicious import malicious, malicious_digest
from pipelines.model import Digest, Platform

_REMEDY = f"take {FILE} from a commit in which it was in order, or delete it, and 'sealift lock' makes it anew"


def _digest(value: str) -> str:
    return str(Digest(value))


def _image(value: str) -> str:
    image = parse_image(value)
    if image.digest or image.tag is None:
        raise ValueError(f"{shown(value)} must be a name with a tag, and the digest stands below it")
    if str(image) != value:
        raise ValueError(f"{shown(value)} is not in full; expected {shown(str(image))}")
    return value


DigestText = Annotated[Text, AfterValidator(_digest), Field(json_schema_extra={"pattern": "^sha256:[0-9a-f]{64}$"})]
ImageText = Annotated[Text, AfterValidator(_image)]


class Pin(Strict):
    """What a name stands for."""

    index: DigestText = Field(description="Of the index of all platforms; of the manifest where there is only one.")
    platforms: dict[PlatformName, DigestText] = Field(min_length=1, description="Platform → digest of its manifest.")
    rebuilt: Flag = Field(default=False, description="Rebuilt on some machine: no other machine has it.")


class ToolPin(Pin):
    """What is run as a tool."""

    image: ImageText = Field(description="Its name in full.")


class LockFile(Strict):
    """The file."""

    version: FormatOne = Field(description="Version of this format.")
    project: Name = Field(description="The project of sealift.yaml that it was made for.")
    bases: dict[ImageText, Pin] = Field(max_length=5000, description="Images that Dockerfiles name, by their names.")
    tools: dict[ToolName, ToolPin] = Field(description="Tools that the pipeline runs, by its names for them.")


def read_lock(root: Path, project: str) -> Lock | None:
    """Read and check the lock; None if there is none.

    :raises InvalidConfig: with every problem, each with its line: what is no lock, of another project, or malicious.
    """
    if not os.path.lexists(root / FILE):
        return None
    text, problems = read_text(root / FILE, FILE)
    file: LockFile | None = None
    document = Document(file=FILE)
    if text is not None:
        document = parse_yaml(text, file=FILE)
        problems.extend(document.problems)
        try:
            file = LockFile.model_validate(document.data)
        except ValidationError as error:
            # What YAML itself could not read was told already.
            problems.extend([] if document.problems else explain(error, document, LockFile))
        else:
            problems.extend(document.problem(path, message) for path, message in _check(file, project))
    if problems or file is None:
        raise InvalidConfig(in_order(problems), remedy=_REMEDY)
    return Lock(
        project=file.project,
        bases={name: _locked(name, pin, document, ("bases", name)) for name, pin in file.bases.items()},
        tools={name: _locked(pin.image, pin, document, ("tools", name)) for name, pin in file.tools.items()},
    )


def _locked(name: str, pin: Pin, document: Document, path: tuple[str, str]) -> Locked:
    return Locked(
        name=name,
        index=Digest(pin.index),
        platforms={Platform(platform): Digest(digest) for platform, digest in pin.platforms.items()},
        rebuilt=pin.rebuilt,
        line=document.position(path, on_key=True)[0],
    )


def _check(file: LockFile, project: str) -> Iterator[Finding]:
    if file.project != project:
        yield ("project",), f"it is the lock of {shown(file.project)}, and this project is {shown(project)}"
    entries: list[tuple[tuple[str, str], str, Pin]] = [
        *((("bases", name), name, pin) for name, pin in file.bases.items()),
        *((("tools", name), pin.image, pin) for name, pin in file.tools.items()),
    ]
    for path, name, pin in entries:
        if why := malicious(parse_image(name), trivy=path == ("tools", "trivy")):
            yield path, why
        yield from _malicious_digests(path, pin)


def _malicious_digests(path: tuple[str, str], pin: Pin) -> Iterator[Finding]:
    given: Mapping[tuple[str, ...], str] = {
        ("index",): pin.index,
        **{("platforms", platform): digest for platform, digest in pin.platforms.items()},
    }
    for key, digest in given.items():
        if why := malicious_digest(Digest(digest)):
            yield (*path, *key), why
