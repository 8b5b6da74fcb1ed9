"""Verify images where they are: everything that is expected of each, and all that is wrong with all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from pipelines.errors import RegistryError, SigningError
from pipelines.expected import Subject, coverage, recorded, scan_age, tag_moves, tagged
from pipelines.graph.context import Session
from pipelines.graph.proof import reference, subjects
from pipelines.graph.quarantine import held
from pipelines.graph.together import together
from pipelines.materials import materials
from pipelines.model import Digest, Platform, Sealed
from pipelines.predicates import PREDICATES, PROVENANCE, SCAN, unknown
from pipelines.record import Record
from pipelines.registry import remote
from pipelines.registry.images import image_at
from pipelines.registry.released import since
from pipelines.stages.attested import Proof, proofs
from pipelines.statements import scan_finished
from pipelines.verification import INDEX, Check, Outcome, Verified

_READ = (SCAN.kind, PROVENANCE.kind)
"""Kinds of which more is looked at than whether they verify."""


@dataclass
class _Image:
    """What is known of one image so far."""

    subject: Subject
    sealed: Sealed | None = None
    checks: list[Check] = field(default_factory=list)
    scans: dict[Platform, datetime | None] = field(default_factory=dict)

    def add(self, checks: Iterable[Check]) -> None:
        self.checks.extend(checks)

    def about(self, digest: Digest) -> str:
        assert self.sealed is not None  # noqa: S101 - only what is there has digests
        return next((name for name, one in self.sealed.platforms.items() if one == digest), INDEX)

    @property
    def result(self) -> Verified:
        subject, sealed = self.subject, self.sealed
        times = [when for when in self.scans.values() if when is not None]
        return Verified(
            service=subject.service,
            reference=subject.shown,
            repository=str(subject.target.repository(subject.service)),
            index=sealed.index if sealed else None,
            platforms=sealed.platforms if sealed else {},
            scanned=min(times) if sealed and times and len(times) == len(sealed.platforms) else None,
            checks=tuple(self.checks),
        ).in_order()


async def verify(session: Session, wanted: Sequence[Subject], *, oldest: timedelta | None = None) -> list[Verified]:
    """Verify each of these, whatever becomes of the others.

    :param oldest: how old the attested scan of a platform may be; None: as old as it is.
    """
    images = [_Image(subject=one) for one in wanted]
    later: dict[str, Sequence[Record]] = {}

    async def one(image: _Image) -> None:
        subject = image.subject
        async with session.step("verify", subject.service, at=subject.target) as note:
            try:
                await _verify(session, image, later, oldest)
            except RegistryError as failure:
                image.add([Check(name="image", about=INDEX, outcome=Outcome.UNKNOWN, said=failure.what)])
            note.text = image.sealed.index.short if image.sealed and image.result.good else "does not verify"

    async with held(session.toolbox):
        await together(partial(one, image) for image in images)
    return [image.result for image in images]


async def _verify(
    session: Session, image: _Image, later: dict[str, Sequence[Record]], oldest: timedelta | None
) -> None:
    subject = image.subject
    image.sealed = sealed = await image_at(session.registries(subject.target), subject)
    if sealed is None:
        said = f"{subject.shown} does not exist"
        image.add([Check(name="image", about=INDEX, outcome=Outcome.UNKNOWN, said=said)])
        return
    if not subject.foreign:
        image.add(coverage(subject, sealed))
    if subject.record is not None:
        image.add(recorded(subject.record, sealed))
        await _tags(session, image, subject.record, later)
    if strange := unknown(sealed.attested):
        image.add([Check(name="attestations", about=INDEX, outcome=Outcome.REFUSED, said=strange)])
    kinds: list[str | None] = [None, *(kind for kind in sealed.attested if kind in PREDICATES)]
    if not subject.foreign and SCAN.kind not in kinds:
        # Nobody demands it, but its age may be asked for.
        kinds.append(SCAN.kind)
    await together(partial(_kind, session, image, sealed, kind) for kind in kinds)
    if not subject.foreign:
        scans = {platform: image.scans.get(platform) for platform in sealed.platforms}
        image.add(scan_age(scans, most=oldest, now=session.clock()))


async def _tags(session: Session, image: _Image, record: Record, later: dict[str, Sequence[Record]]) -> None:
    """Each tag of the record at this registry."""
    subject, registry = image.subject, session.registries(image.subject.target)
    place = str(subject.target)
    for move in tag_moves(record, subject.service, subject.target):
        now = await remote.current(registry, subject.service, move.tag)
        if now not in (None, move.after) and place not in later:
            later[place] = await since(registry, record.id)
        image.add([tagged(record, subject.service, move, now, later.get(place, ()))])


async def _kind(session: Session, image: _Image, sealed: Sealed, kind: str | None) -> None:
    """Signatures, or attestations of one kind, of all the manifests that need them."""
    demanded = kind is None or kind in sealed.attested
    asked = sealed if kind is None or demanded else replace(sealed, attested=(kind,))
    digests = [sealed.index] if image.subject.foreign else list(dict.fromkeys(subjects(asked, kind)))
    if not digests:
        return
    at = partial(reference, session.toolbox, sealed.service, target=image.subject.target)
    trust = await session.trust()
    try:
        found = await proofs(
            session.toolbox, trust, trust.parties([sealed]), {digest: at(digest) for digest in digests},
            kind=kind, read=kind in _READ,
        )  # fmt: skip
    except RegistryError as failure:
        image.add(_check(image, kind, digest, Outcome.UNKNOWN, failure.what) for digest in digests)
        return
    for digest, proof in found.items():
        if proof.objection is not None and not demanded:
            continue
        try:
            image.add(_looked_at(image, kind, digest, proof))
        except (ValueError, SigningError) as error:
            image.add([_check(image, kind, digest, Outcome.REFUSED, str(error))])


def _looked_at(image: _Image, kind: str | None, digest: Digest, proof: Proof) -> Iterable[Check]:
    """The check that a proof comes to, and what follows from what it says."""
    if proof.objection is not None:
        return [_check(image, kind, digest, Outcome.REFUSED, proof.objection)]
    said = "; ".join(map(str, proof.signed_by))
    checks = [replace(_check(image, kind, digest, Outcome.OK, said), signed_by=proof.signed_by)]
    if kind == SCAN.kind:
        image.scans[Platform(image.about(digest))] = scan_finished(proof.statements)
    if kind == PROVENANCE.kind and image.subject.record is not None:
        checks += materials(image.subject.record, image.subject.service, proof.statements)
    return checks


def _check(image: _Image, kind: str | None, digest: Digest, outcome: Outcome, said: str) -> Check:
    return Check(name=kind or "signature", about=image.about(digest), outcome=outcome, said=said, digest=digest)


def objections(found: Sequence[Verified]) -> Mapping[str, Sequence[str]]:
    """Reference → what is wrong with it, each once."""
    return {
        item.reference: list(dict.fromkeys(f"{check.name}: {check.said}" for check in (*item.refused, *item.unknown)))
        for item in found
        if not item.good
    }
