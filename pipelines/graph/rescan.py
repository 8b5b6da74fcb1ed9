"""Scan released images again, from their attested SBOMs, with today's database: nothing is built, and no tag moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipelines.boms import Bom, readable
from pipelines.errors import RegistryError, SigningError
from pipelines.expected import Subject
from pipelines.graph.context import Session
from pipelines.graph.proof import reference
from pipelines.graph.together import together
from pipelines.model import Digest, Sealed, Target, Unit
from pipelines.plan import Rules
from pipelines.predicates import CYCLONEDX, SCAN
from pipelines.registry.images import image_at
from pipelines.rescanned import Before, Rescanned, before, renamed
from pipelines.stages.attested import Proof, proofs
from pipelines.stages.database import Advisories
from pipelines.stages.rescan import scan_sbom
from pipelines.stages.scan import Scanned
from pipelines.statements import newest_scan, scan_finished
from pipelines.unseen import unseen

Proofs = Mapping[Digest, Proof]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of one platform's image, and the reports on it."""

    subject: Subject
    rescanned: Rescanned
    scanned: Scanned


async def rescan(session: Session, wanted: Sequence[Subject], found: Advisories, rules: Rules) -> list[Found]:
    """Scan all platforms of these images.

    :raises SigningError: an SBOM does not verify; all of them are named.
    :raises RegistryError: there is no such image, or its registry does not show it.
    :raises ToolError: a scan failed.
    """
    results: list[Found] = []
    refused: list[str] = []

    async def image(subject: Subject) -> None:
        sealed = await image_at(session.registries(subject.target), subject)
        if sealed is None:
            raise RegistryError(
                f"{subject.shown} does not exist", remedy="name another image", service=subject.service, step="rescan"
            )
        if subject.platforms:
            wanted_here = {name: one for name, one in sealed.platforms.items() if name in subject.platforms}
            sealed = replace(sealed, platforms=wanted_here)
        async with session.step("verify", subject.service, at=subject.target):
            boms = await attested(session, subject.target, sealed, CYCLONEDX.kind)
            scans = await attested(session, subject.target, sealed, SCAN.kind)
        refused.extend(
            f"{subject.shown}: {platform}: {boms[digest].objection}"
            for platform, digest in sealed.platforms.items()
            if boms[digest].objection is not None
        )
        if not refused:
            await together(
                partial(platform, subject, Unit(service=subject.service, platform=name), digest, boms, scans)
                for name, digest in sealed.platforms.items()
            )

    async def platform(subject: Subject, unit: Unit, digest: Digest, boms: Proofs, scans: Proofs) -> None:
        async with session.step("rescan", unit) as note:
            bom = _bom(boms[digest], subject)
            scanned = await scan_sbom(session.toolbox, unit, digest, bom, found.folder, rules.vex)
            one = _rescanned(subject, unit, digest, bom, scanned, _before(scans[digest], subject), rules)
            results.append(Found(subject=subject, rescanned=one, scanned=scanned))
            note.text = f"{len(one.scan.findings)} findings, {len(one.new)} new"

    await together(partial(image, subject) for subject in wanted)
    if refused:
        raise SigningError(
            "SBOMs do not verify, and so nobody knows what is in these images:\n    " + "\n    ".join(sorted(refused)),
            remedy="do not use these images; 'sealift verify' says all that is wrong with them",
            step="verify",
        )
    order = {subject.shown: number for number, subject in enumerate(wanted)}
    return sorted(results, key=lambda one: (order[one.subject.shown], one.rescanned.unit.platform))


async def attested(session: Session, target: Target, sealed: Sealed, kind: str) -> Proofs:
    """What is attested of one kind to each platform, at a registry."""
    trust = await session.trust()
    at = partial(reference, session.toolbox, sealed.service, target=target)
    references = {digest: at(digest) for digest in sealed.platforms.values()}
    return await proofs(session.toolbox, trust, trust.parties([sealed]), references, kind=kind, read=True)


def _bom(sbom: Proof, subject: Subject) -> Bom:
    """The SBOM that verified; the last one, if there are several: each was made of the same digest."""
    try:
        if not sbom.statements:
            raise ValueError("it is about another image")
        return readable(sbom.statements[-1].predicate)
    except ValueError as error:
        raise SigningError(
            f"the SBOM of {subject.shown} cannot be read: {error}", remedy="publish the image again", step="verify"
        ) from error


def _before(last: Proof, subject: Subject) -> Before | None:
    try:
        return before(newest_scan(last.statements), scan_finished(last.statements))
    except ValueError as error:
        raise SigningError(
            f"the last scan of {subject.shown} cannot be read: {error}", remedy="publish the image again", step="verify"
        ) from error


def _rescanned(
    subject: Subject, unit: Unit, digest: Digest, bom: Bom, scanned: Scanned, last: Before | None, rules: Rules
) -> Rescanned:
    names = [name for _, name, _ in last.known] if last else []
    names += [ignore.package for ignore in rules.ignores]
    return Rescanned(
        unit=unit,
        reference=subject.shown,
        digest=digest,
        packages=len(bom.packages),
        scan=replace(scanned.scan, findings=renamed(scanned.scan.findings, names)),
        before=last,
        unseen=tuple(item.what for item in unseen(bom.packages, scanned.scan)),
    )
