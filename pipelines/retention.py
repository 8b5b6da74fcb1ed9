"""What stays at a registry, and why; what goes. Pure: `registry.survey` asks the registry, `registry.removal` deletes.

What any rule keeps stays, with all that it is made of and all that is about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines import keeping
from pipelines.holdings import Contents
from pipelines.model import RECORDS, Digest
from pipelines.rules import Rules, Told


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One image or record, or what is left of one.

    :param tags: none if nothing names it.
    :param size: bytes of all that it is made of, and of what is about it.
    :param known: when it was there already, or was made, as far as that is known.
    :param reasons: why it stays; none if it goes.
    """

    service: str
    digest: Digest
    tags: tuple[str, ...]
    size: int
    known: datetime | None
    reasons: tuple[str, ...]

    @property
    def stays(self) -> bool:
        return bool(self.reasons)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of a registry.

    :param kept: repository → every digest in it that must not be touched.
    :param freed: bytes of what only goes; what images of several services share counts once.
    :param held: bytes of what stays.
    """

    judged: tuple[Judged, ...]
    kept: Mapping[str, frozenset[Digest]]
    freed: int
    held: int

    @property
    def going(self) -> tuple[Judged, ...]:
        """Services first, in order, then records: a record is what tells another run what belonged together."""
        return tuple(item for item in self.judged if not item.stays)


def decide(holdings: Sequence[Contents], told: Sequence[Told], rules: Rules, *, now: datetime) -> Decision:
    """Judge everything that a registry holds of an environment.

    :param holdings: the services' repositories, and that of the records.
    """
    judged: list[Judged] = []
    kept: dict[str, frozenset[Digest]] = {}
    services = [item for item in holdings if item.name != RECORDS]
    releases = keeping.by_release(services, told, rules, now)
    for contents in services:
        mine, kept[contents.name] = judge(contents, keeping.reasons(contents, releases[contents.name], rules, now))
        judged += mine
    for contents in (item for item in holdings if item.name == RECORDS):
        mine, kept[contents.name] = judge(contents, keeping.records(contents, told, kept, now))
        judged += mine
    staying: dict[Digest, int] = {}
    everything: dict[Digest, int] = {}
    for contents in holdings:
        staying |= contents.weights(kept[contents.name])
        everything |= contents.weights(kept[contents.name] | contents.below(contents.roots))
    held = sum(staying.values())
    return Decision(judged=tuple(judged), kept=kept, freed=sum(everything.values()) - held, held=held)


def judge(contents: Contents, reasons: Mapping[Digest, Sequence[str]]) -> tuple[list[Judged], frozenset[Digest]]:
    """Every root of a repository with its reasons, and all that stays.

    :param reasons: digest → why it stays; also of what is no root by itself.
    """
    kept = contents.together(digest for digest, why in reasons.items() if why)
    found = [
        Judged(
            service=contents.name,
            digest=digest,
            tags=tags,
            size=sum(contents.weights(contents.below([digest])).values()),
            known=contents.known(digest),
            reasons=tuple(reasons.get(digest, ())) or (("belongs to what stays",) if digest in kept else ()),
        )
        for digest, tags in contents.roots.items()
    ]
    return sorted(found, key=lambda item: (item.tags == (), item.tags, item.digest)), kept
