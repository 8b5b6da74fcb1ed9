"""The images from registries that a Dockerfile names, with their lines; and the file with digests behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipelines.dockerfile import Stage, parser_of, stages_of
from pipelines.model import Platform

NEED = "need://"
"""Before a service's name: what a build argument stands for that receives the image of another service."""

_FLAGS = re.compile(r"\s*(?:--\S+\s+)*")
# `COPY --from=NAME`, and `RUN --mount=type=bind,from=NAME,…`.
_COPIED = re.compile(r"--(?:from=|mount=[^\s]*?\bfrom=)(?P<quote>[\"']?)(?P<name>[^\s,\"']+)(?P=quote)")


class External(NamedTuple):
    """An image from a registry that a Dockerfile names.

    :param platform: None for the one that is built for, empty for the one that is built on.
    """

    reference: str
    platform: str | None = None

    def __str__(self) -> str:
        return self.reference if self.platform is None else f"{self.reference} for {self.platform or 'the builder'}"


class Named(NamedTuple):
    """An image, and the line, from 1, of the instruction that names it."""

    image: External
    line: int


class Unpinnable(ValueError):
    """An image cannot be given its digest where it stands."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def arguments(args: Mapping[str, str], needs: Mapping[str, str]) -> dict[str, str]:
    """Build arguments, those that receive the image of another service among them.

    :param needs: service → build argument.
    """
    return {**args, **{argument: NEED + need for need, argument in needs.items()}}


def named_images(text: str, *, args: Mapping[str, str], platform: Platform) -> Iterator[Named]:
    """Every image that is no stage of the same file: those of FROM, then of `COPY --from` and `RUN --mount=from=`.

    Stages that the target does not need are looked at too. A name with a `$` in it is one that only the build knows.
    """
    stages = stages_of(text, args, platform)
    yield from (Named(External(stage.base, stage.platform), stage.lines[0] + 1) for stage in _outside(stages))
    known = _stage_names(stages)
    for step in _copying(text):
        for name in _copied(step):
            if name.lower() not in known:
                yield Named(External(name), step["startline"] + 1)


def external_images(text: str, *, args: Mapping[str, str], platform: Platform) -> Iterator[External]:
    """The same images, once each."""
    return iter(dict.fromkeys(named.image for named in named_images(text, args=args, platform=platform)))


def pinned(text: str, *, args: Mapping[str, str], platform: Platform, digests: Mapping[str, str]) -> str:
    """The Dockerfile with a digest behind the images that it names; every line stays where it is.

    :param digests: image, as `named_images` has it → its digest. One that has its digest already stays as it is.
    :raises Unpinnable: one of them is written in a way that is not understood well enough.
    """
    digests = {written: digest for written, digest in digests.items() if "@" not in written}
    lines = text.split("\n")
    stages = stages_of(text, args, platform)
    for stage in _outside(stages):
        if stage.base in digests:
            first, last = stage.lines
            flags = [word for word in stage.written if word.startswith("--")]
            others = [word for word in stage.written if not word.startswith("--")][1:]
            new = " ".join(["FROM", *flags, f"{stage.base}@{digests[stage.base]}", *others])
            lines[first : last + 1] = [new] + [""] * (last - first)
    known = _stage_names(stages)
    for step in _copying(text):
        names = _copied(step)
        if any(name in digests and name.lower() not in known for name in names):
            first, last = step["startline"], step["endline"] + 1
            lines[first:last] = _with_digests(lines[first:last], names, known, digests, line=first + 1)
    result = "\n".join(lines)
    for image, line in named_images(result, args=args, platform=platform):
        if image.reference in digests:
            raise Unpinnable(f"{image.reference} stands where no digest can be put behind it", line)
    return result


def _with_digests(
    lines: list[str], names: list[str], known: set[str], digests: Mapping[str, str], *, line: int
) -> list[str]:
    """An instruction's lines, with digests behind the images of its flags."""
    found: list[str] = []

    def put(match: re.Match[str]) -> str:
        if len(found) == len(names):
            return match.group()
        found.append(name := match["name"])
        if name.lower() in known or name not in digests:
            return match.group()
        start, end = match.start("name") - match.start(), match.end("name") - match.start()
        return f"{match.group()[:start]}{name}@{digests[name]}{match.group()[end:]}"

    new = [text if text.lstrip().startswith("#") else _COPIED.sub(put, text) for text in lines]
    if found != names:
        raise Unpinnable(f"{', '.join(names)}: write each flag of this instruction on one line", line)
    return new


def _outside(stages: list[Stage]) -> Iterator[Stage]:
    """The stages that stand on no earlier one. Names are compared without regard to case."""
    known = {"scratch"}
    for stage in stages:
        if stage.base.lower() not in known:
            yield stage
        if stage.name:
            known.add(stage.name.lower())


def _stage_names(stages: list[Stage]) -> set[str]:
    """What `--from` may mean a stage by."""
    names = {stage.name.lower() for stage in stages if stage.name}
    return {"scratch", *names, *(str(number) for number in range(len(stages)))}


def _copying(text: str) -> Iterator[dict[str, Any]]:
    return (step for step in parser_of(text).structure if step["instruction"] in ("COPY", "ADD", "RUN"))


def _copied(step: Mapping[str, Any]) -> list[str]:
    """What the instruction's own flags name; what a command is given is not ours."""
    flags = _FLAGS.match(step["value"])
    return [match["name"] for match in _COPIED.finditer(flags.group() if flags else "")]
