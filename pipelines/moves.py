"""Which tags may move, judged by what a registry holds. Pure: `graph.lift` asks the registry.

A release tag names one image for good; a line (`latest`, `v1`, `v1.2`) moves forward only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from semver import Version

from pipelines.model import OCI, Digest, Tag
from pipelines.tags import TagKind, TagReason, Wanted, in_line
from pipelines.versions import parse


@dataclass(frozen=True, kw_only=True)
class TagMove:
    """A tag before and after; `moved` is false until the registry took it, or if it already was there.

    :param kept: why it stays where it is, although the release would have moved it.
    """

    tag: Tag
    before: Digest | None
    after: Digest
    moved: bool = False
    kept: str | None = None


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a tag names at a registry: an index, and its annotations."""

    digest: Digest
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def created(self) -> datetime | None:
        """Time of the commit that it was made from, if the index says so."""
        try:
            return datetime.fromisoformat(self.annotations[f"{OCI}created"])
        except (KeyError, ValueError):
            return None

    def __str__(self) -> str:
        said = (self.annotations.get(f"{OCI}{key}") for key in ("version", "revision", "created"))
        known = ", ".join(text for text in said if text)
        return f"{self.digest.short} ({known})" if known else self.digest.short


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a repository holds now.

    :param tags: every tag in it; only looked at for a line.
    :param named: what the release's own tags name, those that exist.
    """

    tags: Collection[str] = ()
    named: Mapping[Tag, Named] = field(default_factory=dict)


def moves(wanted: Wanted, held: Held, index: Digest, *, prefix: str) -> tuple[TagMove, ...]:
    """What becomes of each of the service's tags.

    :param prefix: the environment's, before every tag.
    """
    return tuple(_move(wanted, item, held, index, prefix) for item in wanted.tags)


def taken(wanted: Wanted, held: Held, index: Digest) -> list[str]:
    """The release tags that name something else already, in words; a release that has one is refused."""
    return [
        f"{item.tag} of {wanted.service} is {there}, and this release made {index.short}"
        for item in wanted.tags
        if item.kind is TagKind.RELEASE and (there := held.named.get(item.tag)) and there.digest != index
    ]


def _move(wanted: Wanted, item: TagReason, held: Held, index: Digest, prefix: str) -> TagMove:
    there = held.named.get(item.tag)
    before = there.digest if there else None
    forward = item.kind in (TagKind.LINE, TagKind.NEWEST)
    kept = _ahead(wanted, item, held, there, prefix) if forward and before != index else None
    if kept and before:
        return TagMove(tag=item.tag, before=before, after=before, kept=kept)
    return TagMove(tag=item.tag, before=before, after=index)


def _ahead(wanted: Wanted, item: TagReason, held: Held, there: Named | None, prefix: str) -> str | None:
    """What is ahead of this release on a line; None if nothing is.

    Without a version there are only the times of commits to go by.
    """
    if there is None:
        return None
    version = parse(wanted.version) if wanted.version else None
    if version is not None and item.kind is TagKind.LINE:
        return higher_released(version, item.tag, held.tags, prefix)
    if there.created and there.created > wanted.committed:
        return f"it names a later commit, of {there.created:%Y-%m-%d %H:%M} UTC"
    return None


def higher_released(version: Version, line: str, tags: Collection[str], prefix: str) -> str | None:
    """Which higher version of a line a repository has, in words; None if there is none."""
    others = (parse(tag.removeprefix(prefix)) for tag in tags if tag.startswith(prefix))
    higher = [other for other in others if other and in_line(other, line, prefix) and other > version]
    return f"v{max(higher)} is released" if higher else None
