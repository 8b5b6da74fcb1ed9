"""Which images may be built on, and which tool images are run: the shape of `bases` and `tools`, and their checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from pipelines import tools
from pipelines.config.problems import Finding
from pipelines.config.types import Flag, Strict, Text, Whole
from pipelines.errors import shown
from pipelines.images import WHOLE, parse_image, repository_of
from pipelines.malicious import malicious

ToolName = Literal["cosign", "go", "probe", "regctl", "registry", "syft", "trivy"]


class Approved(Strict):
    """Images that may be built on."""

    image: Text = Field(description="Glob over the name in full: docker.io/library/python:3.11-*.")
    reason: Text = Field(description="Why they may be built on.")


class Bases(Strict):
    """The images from registries that Dockerfiles name."""

    allow: list[Approved] | None = Field(
        default=None, min_length=1, max_length=500, description="If it is given, an image must match one of these."
    )
    version_numbers: Whole = Field(
        default=0, ge=0, le=WHOLE, description="Numbers that the version in a tag must have, where no lock pins it."
    )
    require_lock: Flag = Field(default=False, description="Without sealift.lock, only rehearse.")


def run_as(given: Mapping[ToolName, str]) -> Mapping[str, str]:
    """Tool → the image that is run, by its name in full."""
    images: dict[str, str] = {tool.name: tool.image for tool in tools.ALL}
    images |= {str(name): image for name, image in given.items()}
    return {name: str(parse_image(image)) for name, image in images.items()}


def check_bases(bases: Bases, given: Mapping[ToolName, str]) -> Iterator[Finding]:
    """What the schema cannot say of both keys."""
    for index, entry in enumerate(bases.allow or ()):
        registry = entry.image.partition("/")[0]
        if not entry.image.startswith(f"{repository_of(registry + '/x').partition('/')[0]}/"):
            meant = f"; did you mean {shown(repository_of(entry.image) + _behind(entry.image))}?"
            message = f"{shown(entry.image)} matches nothing: names in full begin with their registry{meant}"
            yield ("bases", "allow", index, "image"), message
        elif set("*?[") & set(registry):
            yield ("bases", "allow", index, "image"), f"{shown(entry.image)} is too broad: name the registry"
    for name, image in given.items():
        try:
            parsed = parse_image(image)
        except ValueError as error:
            yield ("tools", name), str(error)
            continue
        if why := malicious(parsed, trivy=name == "trivy") or parsed.floating():
            yield ("tools", name), why


def _behind(image: str) -> str:
    """The tag or digest of a pattern."""
    last = image.rpartition("/")[2]
    place = min((last.find(mark) for mark in ":@" if mark in last), default=len(last))
    return last[place:]
