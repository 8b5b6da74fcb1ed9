"""What is expected of an image besides signatures: its platforms, its record, the age of its scan. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.model import Digest, Platform, Sealed, Tag, Target
from pipelines.moves import TagMove
from pipelines.record import Record
from pipelines.tags import TagKind, kind_of
from pipelines.verification import INDEX, Check, Outcome

_CLOCKS_DIFFER = timedelta(hours=1)
"""How far the clocks of those who scan and those who verify may be apart."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An image that is to be verified, and what is expected of it.

    :param shown: what the user knows it by.
    :param digest: of its index or of one platform's manifest; else its tag names it.
    :param platforms: that it has to have.
    :param record: of its release, if it is verified against that.
    :param rehearsal: of an environment from which nothing leaves the machine: it need not have been scanned.
    :param foreign: an image of others: nothing but the signature of what is named is expected.
    """

    service: str
    target: Target
    shown: str
    tag: Tag | None = None
    digest: Digest | None = None
    platforms: tuple[Platform, ...] = ()
    record: Record | None = field(default=None, repr=False)
    rehearsal: bool = False
    foreign: bool = False

    def attested(self, announced: Sequence[str], index: Digest) -> tuple[str, ...]:
        """The kinds that have to be attested: what the image's index announces, and what the record has of it."""
        known = self.record.lot.get(self.service) if self.record else None
        more = known.attested if known and known.index == index else ()
        return tuple(dict.fromkeys((*announced, *more)))


def coverage(subject: Subject, found: Sealed) -> Iterator[Check]:
    """Whether each platform that is expected is there.

    Of one platform's manifest nothing is expected if it is named by its digest. A tag names an index: whoever lets it
    name one of the index's manifests takes away the other platforms, and what is attested to the index.
    """
    single = found.index in found.platforms.values()
    if single and subject.digest is not None:
        return
    missing = [platform for platform in subject.platforms if platform not in found.platforms]
    said = f"no image for {', '.join(missing)}" if missing else ", ".join(found.platforms)
    if single:
        said = "one platform's manifest, and not the index that Sealift publishes"
    yield Check(name="platforms", about=INDEX, outcome=_outcome(not missing and not single), said=said)


def recorded(record: Record, found: Sealed) -> Iterator[Check]:
    """Whether the registry's digests are those of the record."""
    known = record.lot.get(found.service)
    if known is None:
        said = f"the release {record.id} has no {found.service}"
        yield Check(name="record", about=INDEX, outcome=Outcome.REFUSED, said=said)
        return
    platforms = dict.fromkeys((*known.platforms, *found.platforms))
    pairs: list[tuple[str, Digest | None, Digest | None]] = [
        (INDEX, known.index, found.index),
        *((platform, known.platforms.get(platform), found.platforms.get(platform)) for platform in platforms),
    ]
    for about, wanted, there in pairs:
        said = f"release {record.id}" if wanted == there else f"{there or 'nothing'}, and the record {wanted or 'none'}"
        yield Check(name="record", about=about, outcome=_outcome(wanted == there), said=said, digest=there)


def tag_moves(record: Record, service: str, target: Target) -> Sequence[TagMove]:
    """The tags that a record says a service has at a registry."""
    release = record.found.get(service)
    return next((place.tags for place in release.places if place.target == target), ()) if release else ()


def tagged(record: Record, service: str, move: TagMove, now: Digest | None, later: Sequence[Record]) -> Check:
    """Whether a tag names what the record says, or, if it may move, what a later release has let it name.

    :param later: the releases since that the registry has records of, the newest first.
    """
    outcome, said = Outcome.REFUSED, f"names {now}, and the record {record.id} says {move.after}"
    if now == move.after:
        outcome, said = Outcome.OK, "names what the record says"
    elif now is None:
        said = f"there is no such tag, and the record {record.id} says {move.after}"
    elif kind_of(move.tag, record.plan.tag_prefix) is not TagKind.RELEASE:
        by = next((one for one in later if service in one.lot and one.lot[service].index == now), None)
        if by is not None:
            outcome, said = Outcome.NOTED, f"names another image since the release {by.id}"
    return Check(name="tag", about=move.tag, outcome=outcome, said=said, digest=now)


def scan_age(finished: Mapping[Platform, datetime | None], *, most: timedelta | None, now: datetime) -> Iterator[Check]:
    """How old the scan of each platform is, as is attested.

    :param most: None: any age will do, and so will none.
    """
    for platform, when in finished.items():
        if when is None:
            if most is not None:
                said = "no scan is attested whose age could be told"
                yield Check(name="scan age", about=platform, outcome=Outcome.REFUSED, said=said)
            continue
        age = now - when
        said = f"scanned {when:%Y-%m-%d %H:%M} UTC, {_shown(age)} ago"
        outcome = Outcome.NOTED
        if age < -_CLOCKS_DIFFER:
            outcome, said = Outcome.REFUSED, f"scanned {when:%Y-%m-%d %H:%M} UTC, after this machine's time"
        elif most is not None:
            outcome = _outcome(age <= most)
            said += f"; at most {_shown(most)} are allowed" if age > most else ""
        yield Check(name="scan age", about=platform, outcome=outcome, said=said)


def _shown(age: timedelta) -> str:
    hours = max(age, timedelta()).total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} min"


def _outcome(good: bool) -> Outcome:
    return Outcome.OK if good else Outcome.REFUSED
