"""After the gate: join, sign, attest, verify; then carry to the target and move tags, last."""

from __future__ import annotations

from collections.abc import Mapping
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


def _references(service: ServicePlan, examination: Examination) -> list[str]:
    return [quarantined(service.name, examination.digests[unit]) for unit in _units(service)]


async def _objections(run: Run, examination: Examination, indexes: Mapping[str, Digest]) -> str | None:
    """What Cosign objects to, over all signatures and attestations of the release; None if all verify."""
    platforms = [ref for service in run.plan.services for ref in _references(service, examination)]
    everything = [*platforms, *(quarantined(name, digest) for name, digest in indexes.items())]
    objections: list[str] = []

    async def check(references: list[str], kind: str | None) -> None:
        objection = await verifies(run.toolbox, run.signer.public, references, kind=kind)
        if objection:
            objections.append(objection)

    async with run.step("verify") as note:
        await together([partial(check, everything, None), *(partial(check, platforms, kind) for kind in PREDICATES)])
        note.text = "signatures are missing" if objections else f"{len(everything)} digests signed and attested"
    return objections[0] if objections else None


async def _seal(run: Run, examination: Examination, service: ServicePlan, digest: Digest) -> None:
    references = [quarantined(service.name, digest), *_references(service, examination)]
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


async def lift(run: Run, services: Mapping[str, ServiceRelease]) -> dict[str, ServiceRelease]:
    """Copy every index to the target; when all are there, move the tags. Tags that are right already stay.

    :raises RegistryError: which copy or tag failed; tags move only after the last copy.
    """

    async def copy(service: ServicePlan) -> None:
        async with run.step("copy", service.name):
            await publish.copy(
                run.toolbox,
                service.repository,
                services[service.name].index,
                service=service.name,
                insecure=run.plan.insecure,
            )

    await together(partial(copy, service) for service in run.plan.services)
    moved: dict[str, ServiceRelease] = {}

    async def tag(service: ServicePlan) -> None:
        release = services[service.name]
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
                moves.append(
                    TagMove(tag=move.tag, before=move.before, after=move.after, moved=move.before != move.after)
                )
            note.text = ", ".join(move.tag for move in release.tags)
        moved[service.name] = ServiceRelease(index=release.index, tags=tuple(moves))

    await together(partial(tag, service) for service in run.plan.services)
    return moved
