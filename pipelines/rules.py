"""The rules of retention, and what they look at besides what a registry holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.model import Digest
from pipelines.tags import TagKind, kind_of

GRACE = timedelta(hours=24)
"""What is younger stays whatever the rules say: a push may be under way."""

UNFINISHED = timedelta(days=7)
"""How long a release that was broken off keeps its images, to be resumed."""

MOVING = frozenset({"dev", "main", "master", "develop", "edge", "stable"})
"""Tags that move, besides lines and the names of environments and of the main branch."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is kept. A rule that is None or empty keeps nothing.

    :param last: so many of the highest versions of each service, and of the latest releases.
    :param days: what was pushed in so many days.
    :param patterns: globs on tags.
    :param deployed: digest → where it was found.
    :param prefix: of this environment's tags; those of `others`, in the same repositories, are not touched.
    :param moving: names of tags that move.
    """

    last: int | None = None
    days: int | None = None
    patterns: tuple[str, ...] = ()
    deployed: Mapping[Digest, str] = field(default_factory=dict)
    prefix: str = ""
    others: tuple[str, ...] = ()
    moving: frozenset[str] = MOVING

    def owns(self, tag: str) -> bool:
        """Whether a tag is one of this environment's."""
        longer = (other for other in self.others if len(other) > len(self.prefix))
        return tag.startswith(self.prefix) and not any(tag.startswith(other) for other in longer)

    def moves(self, tag: str) -> bool:
        """Whether a tag's name is that of one that moves."""
        name = tag.removeprefix(self.prefix)
        return kind_of(tag, self.prefix) is TagKind.LINE or bool({tag, name} & self.moving)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a release record says, as far as it matters here.

    :param manifest: of the artifact that holds it.
    :param lot: service → its index and platforms.
    :param versions: service → tag of the version that it was released under.
    """

    manifest: Digest
    id: str
    environment: str
    state: str
    started: datetime
    lot: Mapping[str, frozenset[Digest]]
    versions: Mapping[str, str] = field(default_factory=dict)
