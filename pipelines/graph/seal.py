"""After the gate: join the platforms, sign, attest, and verify all of it by digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pipelines.errors import SigningError
from pipelines.graph.context import Run
from pipelines.graph.together import together
from pipelines.graph.units import Examination
from pipelines.model import Digest, Unit
from pipelines.plan import ServicePlan
from pipelines.stages.index import index
from pipelines.stages.sign import PREDICATES, attest, sign, verifies
from pipelines.stages.toolbox import quarantined

# Registries without the referrers API keep the list of what is attached to a digest under a tag, which is read, changed
# and written back. Another run on the same engine can undo an addition; what is then missing is added again.
ROUNDS = 3

Indexes = Mapping[str, Digest]
"""Service → digest of its index."""


async def join(run: Run, examination: Examination) -> Indexes:
    """Join the platforms of each service that leaves into one index in the quarantine."""
    indexes: dict[str, Digest] = {}

    async def one(service: ServicePlan) -> None:
        async with run.step("index", service.name) as note:
            images = [examination.examined[unit].image for unit in _units(service)]
            note.digest = indexes[service.name] = await index(run.toolbox, service, images)
            note.text = note.digest.short

    await together(partial(one, service) for service in run.plan.published)
    return indexes


async def seal(run: Run, examination: Examination, indexes: Indexes, services: Sequence[ServicePlan]) -> None:
    """Sign and attest these services, and verify all of it. What an earlier run has signed is not signed again.

    :raises SigningError: something could not be signed, or did not verify.
    """
    objection = await objections(run, examination, indexes, services)
    for _ in range(ROUNDS):
        if objection is None:
            return
        await together(partial(_seal, run, examination, service, indexes[service.name]) for service in services)
        objection = await objections(run, examination, indexes, services)
    if objection is not None:
        raise SigningError(
            f"what was just signed does not verify: {objection}",
            remedy="check the key with 'sealift keys'; nothing was published",
            step="verify",
        )


async def objections(
    run: Run, examination: Examination, indexes: Indexes, services: Sequence[ServicePlan], *, at_target: bool = False
) -> str | None:
    """What Cosign objects to, over all signatures and attestations of these services; None if all verify."""
    if not services:
        return None
    platforms = [ref for service in services for ref in _references(run, service, examination, at_target=at_target)]
    tops = [_reference(run, service, indexes[service.name], at_target=at_target) for service in services]
    found: list[str] = []
    public = (await run.signer()).public

    async def check(references: list[str], kind: str | None) -> None:
        objection = await verifies(run.toolbox, public, references, kind=kind, outward=at_target)
        if objection:
            found.append(objection)

    async with run.step("verify", run.plan.registry if at_target else "") as note:
        await together(
            [partial(check, [*platforms, *tops], None), *(partial(check, platforms, kind) for kind in PREDICATES)]
        )
        count = len(platforms) + len(tops)
        note.text = "signatures are missing" if found else f"{count} digests signed and attested"
    return found[0] if found else None


def _units(service: ServicePlan) -> list[Unit]:
    return [Unit(service=service.name, platform=platform) for platform in service.platforms]


def _references(run: Run, service: ServicePlan, examination: Examination, *, at_target: bool = False) -> list[str]:
    """The service's platforms by digest, in the quarantine or at the target, as the tools see them."""
    digests = [examination.digests[unit] for unit in _units(service)]
    return [_reference(run, service, digest, at_target=at_target) for digest in digests]


def _reference(run: Run, service: ServicePlan, digest: Digest, *, at_target: bool) -> str:
    return f"{run.toolbox.reach(service.repository)}@{digest}" if at_target else quarantined(service.name, digest)


async def _seal(run: Run, examination: Examination, service: ServicePlan, digest: Digest) -> None:
    references = [quarantined(service.name, digest), *_references(run, service, examination)]
    signer = await run.signer()
    if await verifies(run.toolbox, signer.public, references):
        async with run.step("sign", service.name):
            await sign(run.toolbox, signer, references, service=service.name)
    await together(partial(_attest, run, examination, unit) for unit in _units(service))


async def _attest(run: Run, examination: Examination, unit: Unit) -> None:
    """Attest both documents, one after the other: each addition rewrites the list of the digest's attachments."""
    reference = quarantined(unit.service, examination.digests[unit])
    signer = await run.signer()
    async with run.step("attest", unit):
        for kind, name in PREDICATES.items():
            if await verifies(run.toolbox, signer.public, [reference], kind=kind):
                document = examination.sboms[unit].files.file(name)
                await attest(
                    run.toolbox, signer, reference, kind, document, service=unit.service, platform=unit.platform
                )
