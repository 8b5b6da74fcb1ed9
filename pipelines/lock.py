"""`sealift.lock`: which image each name of a base or tool stands for, as plain data. `config.lock` reads the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipelines.errors import ConfigError
from pipelines.model import Digest, Platform

FILE = "sealift.lock"
REMEDY = "run 'sealift lock', read what it changes in sealift.lock, and commit it"
_HEADER = """\
# Made by 'sealift lock'; every build reads it. It says which image each base and each tool is, for every platform.
# Change it with that command: 'sealift lock --update NAME' takes what a name stands for today.
"""


@dataclass(frozen=True, kw_only=True)
class Locked:
    """What one name stands for.

    :param name: in full, with its tag: `docker.io/library/python:3.11-slim`.
    :param index: what is built on, or run: the index of all platforms, or the manifest where there is only one.
    :param platforms: as the index has them: `linux/arm64/v8` is there for `linux/arm64`.
    :param rebuilt: it was rebuilt on some machine, in place of the official one, and no other machine has it.
    :param line: of the file; 0 if it is not from there.
    """

    name: str
    index: Digest
    platforms: Mapping[Platform, Digest]
    rebuilt: bool = False
    line: int = field(default=0, compare=False)

    @property
    def reference(self) -> str:
        """By tag and digest; the digest decides."""
        return f"{self.name}@{self.index}"

    def serves(self, platform: Platform) -> bool:
        """Whether there is an image for the processor; which of its variants will do, the engine decides."""
        return any(there.split("/")[:2] == platform.split("/")[:2] for there in self.platforms)

    def as_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        platforms = {str(platform): str(digest) for platform, digest in sorted(self.platforms.items())}
        return {"index": str(self.index), "platforms": platforms, **({"rebuilt": True} if self.rebuilt else {})}


@dataclass(frozen=True, kw_only=True)
class Lock:
    """The whole file.

    :param bases: by their names.
    :param tools: by the names that the pipeline has for them: `trivy`.
    """

    project: str
    bases: Mapping[str, Locked]
    tools: Mapping[str, Locked]

    def text(self) -> str:
        """The file: sorted, so that a change of one image is a change of its lines only."""
        document = {
            "version": 1,
            "project": self.project,
            "bases": {name: self.bases[name].as_json() for name in sorted(self.bases)},
            "tools": {
                name: {"image": self.tools[name].name, **self.tools[name].as_json()} for name in sorted(self.tools)
            },
        }
        return _HEADER + yaml.safe_dump(document, sort_keys=False, width=1000)

    @property
    def digest(self) -> Digest:
        """Of what it says, however the file is written."""
        return Digest(f"sha256:{hashlib.sha256(self.text().encode()).hexdigest()}")

    def entries(self) -> Iterator[tuple[str, Locked]]:
        """Every entry, with what it is called: `docker.io/library/python:3.11`, or `tool trivy`."""
        yield from sorted(self.bases.items())
        yield from ((f"tool {name}", self.tools[name]) for name in sorted(self.tools))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a lock has to have.

    :param bases: name in full → the platforms that it is needed for, and where it is named, as `FILE:LINE`.
    :param tools: tool → name in full.
    """

    bases: Mapping[str, Needed]
    tools: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What a base is needed for, and the first place that names it."""

    platforms: frozenset[Platform]
    place: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One way in which a lock is out of date.

    :param kind: `missing`, `unused`, `renamed` or `platforms`.
    """

    kind: str
    entry: str
    what: str

    def as_json(self) -> dict[str, str]:
        """For `lock --check --json`."""
        return {"kind": self.kind, "entry": self.entry, "what": self.what}


def differences(lock: Lock | None, wanted: Wanted) -> list[Difference]:
    """In what the lock is out of date. What names stand for today is not asked."""
    return sorted(_differences(lock or Lock(project="", bases={}, tools={}), wanted), key=lambda one: one.entry)


def _differences(lock: Lock, wanted: Wanted) -> Iterator[Difference]:
    for name, needed in wanted.bases.items():
        if name not in lock.bases:
            yield Difference(kind="missing", entry=name, what=f"{needed.place} names it")
        elif lacking := lacking_platforms(lock.bases[name], needed.platforms):
            yield Difference(kind="platforms", entry=name, what=f"has no {lacking}, which {needed.place} is built for")
    for name in lock.bases.keys() - wanted.bases.keys():
        yield Difference(kind="unused", entry=name, what="no Dockerfile names it")
    for name in lock.tools.keys() - wanted.tools.keys():
        yield Difference(kind="unused", entry=f"tool {name}", what="it is named by its digest")
    for tool, image in wanted.tools.items():
        if tool not in lock.tools:
            yield Difference(kind="missing", entry=f"tool {tool}", what=f"it is {image}")
        elif lock.tools[tool].name != image:
            yield Difference(
                kind="renamed", entry=f"tool {tool}", what=f"it is {image} now, not {lock.tools[tool].name}"
            )


def lacking_platforms(locked: Locked, needed: frozenset[Platform]) -> str:
    """The platforms that it is needed for and does not have, in words; empty if it has all."""
    return ", ".join(sorted(platform for platform in needed if not locked.serves(platform)))


def tool_images(configured: Mapping[str, str], lock: Lock | None) -> Mapping[str, Locked | str]:
    """Tool → what is run: the lock's, or the name alone where there is no lock.

    :param configured: tool → name in full.
    :raises ConfigError: the lock does not have all of them.
    """
    if lock is None:
        return configured
    wanted = by_tag(configured)
    wrong = [one for one in differences(lock, Wanted(bases={}, tools=wanted)) if one.kind != "unused"]
    if wrong:
        lines = "\n    ".join(f"{one.entry}: {one.kind}: {one.what}" for one in wrong)
        raise ConfigError(f"{FILE} is out of date:\n    {lines}", remedy=REMEDY, step="lock")
    return {**configured, **{tool: lock.tools[tool] for tool in wanted}}


def by_tag(tools: Mapping[str, str]) -> Mapping[str, str]:
    """Those that are named by tag: a digest needs no lock."""
    return {tool: image for tool, image in tools.items() if "@" not in image}
