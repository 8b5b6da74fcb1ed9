"""After the gate: join, sign, attest, verify; then carry to the target and move tags, last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from pipelines.errors import SigningError
from pipelines.graph.context import Run
from pipelines.graph.together import together
from pipelines.graph.units import Examination
from pipelines.model import Digest, Unit
from pipelines.plan import ServicePlan
from pipelines.release import ServiceRelease, TagMove
from pipelines.stages import publish
from pipelines.stages.index import index
from pipelines.stages.sign import PREDICATES, attest, sign, verifies
from pipelines.stages.toolbox import quarantined

# Registries without the referrers API keep the list of what is attached to a digest under a tag, which is read, changed
# and written back. Another run on the same engine can undo an addition; what is then missing is added again.
_ROUNDS = 3


async def seal(run: Run, examination: Examination) -> dict[str, Digest]:
    """Join the platforms of each service, sign and attest everything, and verify all of it by digest.

    What an earlier run has signed is not signed again.

    :raises SigningError: something could not be signed, or did not verify.
    """
    indexes: dict[str, Digest] = {}

    async def join(service: ServicePlan) -> None:
        async with run.step("index", service.name) as note:
            images = [examination.examined[unit].image for unit in _units(service)]
            indexes[service.name] = await index(run.toolbox, service, images)
            note.text = indexes[service.name].short

    await together(partial(join, service) for service in run.plan.services)
    objection = await _objections(run, examination, indexes)
    for _ in range(_ROUNDS):
        if objection is None:
            return indexes
        await together(partial(_seal, run, examination, s, indexes[s.name]) for s in run.plan.services)
        objection = await _objections(run, examination, indexes)
    if objection is not None:
        raise SigningError(
            f"what was just signed does not verify: {objection}",
            remedy="check the key with 'sealift keys'; nothing was published",
            step="verify",
        )
    return indexes


def _units(service: ServicePlan) -> list[Unit]:
    return [Unit(service=service.name, platform=platform) for platform in service.platforms]


def _references(run: Run, service: ServicePlan, examination: Examination, *, at_target: bool = False) -> list[str]:
    """The service's platforms by digest, in the quarantine or at the target, as the tools see them."""
    digests = [examination.digests[unit] for unit in _units(service)]
    return [_reference(run, service, digest, at_target=at_target) for digest in digests]


def _reference(run: Run, service: ServicePlan, digest: Digest, *, at_target: bool) -> str:
    return f"{run.toolbox.reach(service.repository)}@{digest}" if at_target else quarantined(service.name, digest)


async def _objections(
    run: Run, examination: Examination, indexes: Mapping[str, Digest], *, at_target: bool = False
) -> str | None:
    """What Cosign objects to, over all signatures and attestations of the release; None if all verify."""
    services = run.plan.services
    platforms = [ref for service in services for ref in _references(run, service, examination, at_target=at_target)]
    tops = [_reference(run, service, indexes[service.name], at_target=at_target) for service in services]
    objections: list[str] = []

    async def check(references: list[str], kind: str | None) -> None:
        objection = await verifies(run.toolbox, run.signer.public, references, kind=kind, outward=at_target)
        if objection:
            objections.append(objection)

    async with run.step("verify", run.plan.registry if at_target else "") as note:
        await together(
            [partial(check, [*platforms, *tops], None), *(partial(check, platforms, kind) for kind in PREDICATES)]
        )
        count = len(platforms) + len(tops)
        note.text = "signatures are missing" if objections else f"{count} digests signed and attested"
    return objections[0] if objections else None


async def _seal(run: Run, examination: Examination, service: ServicePlan, digest: Digest) -> None:
    references = [quarantined(service.name, digest), *_references(run, service, examination)]
    if await verifies(run.toolbox, run.signer.public, references):
        async with run.step("sign", service.name):
            await sign(run.toolbox, run.signer, references, service=service.name)
    await together(partial(_attest, run, examination, unit) for unit in _units(service))


async def _attest(run: Run, examination: Examination, unit: Unit) -> None:
    """Attest both documents, one after the other: each addition rewrites the list of the digest's attachments."""
    reference = quarantined(unit.service, examination.digests[unit])
    async with run.step("attest", unit):
        for kind, name in PREDICATES.items():
            if await verifies(run.toolbox, run.signer.public, [reference], kind=kind):
                document = examination.sboms[unit].files.file(name)
                await attest(
                    run.toolbox, run.signer, reference, kind, document, service=unit.service, platform=unit.platform
                )


async def look(run: Run, indexes: Mapping[str, Digest]) -> dict[str, ServiceRelease]:
    """What every tag names now at the target, beside what it will name."""
    found: dict[str, ServiceRelease] = {}

    async def service_tags(service: ServicePlan) -> None:
        moves = []
        async with run.step("tags before", service.name):
            for item in service.tags:
                before = await publish.current(
                    run.toolbox, service.repository, item.tag, service=service.name, insecure=run.plan.insecure
                )
                moves.append(TagMove(tag=item.tag, before=before, after=indexes[service.name]))
        found[service.name] = ServiceRelease(index=indexes[service.name], tags=tuple(moves))

    await together(partial(service_tags, service) for service in run.plan.services)
    return found


async def lift(run: Run, examination: Examination, services: Mapping[str, ServiceRelease]) -> dict[str, ServiceRelease]:
    """Copy every index to the target and verify all of it there; then move the tags. Tags that are right already stay.

    :raises RegistryError: which copy or tag failed; tags move only after the last copy.
    :raises SigningError: what arrived does not verify; no tag has moved.
    """
    indexes = {name: release.index for name, release in services.items()}
    for _ in range(_ROUNDS):
        await together(partial(_copy, run, service, indexes[service.name]) for service in run.plan.services)
        objection = await _objections(run, examination, indexes, at_target=True)
        if objection is None:
            break
        # Another run on this engine changed the quarantine's list of attachments between verifying and copying.
        await seal(run, examination)
    else:
        raise SigningError(
            f"what arrived at {run.plan.registry} does not verify: {objection}",
            remedy="run the command again when no other release runs on this engine; no tag has moved",
            step="verify",
        )
    moved: dict[str, ServiceRelease] = {}
    await together(partial(_move, run, service, services[service.name], moved) for service in run.plan.services)
    return moved


async def _copy(run: Run, service: ServicePlan, digest: Digest) -> None:
    async with run.step("copy", service.name):
        await publish.copy(run.toolbox, service.repository, digest, service=service.name, insecure=run.plan.insecure)


async def _move(run: Run, service: ServicePlan, release: ServiceRelease, out: dict[str, ServiceRelease]) -> None:
    """Move the service's tags, and write down which moved."""
    moves = []
    async with run.step("tag", service.name) as note:
        for move in release.tags:
            if move.before != move.after:
                await publish.move(
                    run.toolbox,
                    service.repository,
                    move.tag,
                    move.after,
                    service=service.name,
                    insecure=run.plan.insecure,
                )
            moves.append(replace(move, moved=move.before != move.after))
        note.text = ", ".join(move.tag for move in release.tags)
    out[service.name] = ServiceRelease(index=release.index, tags=tuple(moves))
