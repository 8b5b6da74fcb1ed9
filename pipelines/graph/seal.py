"""After the gate: join the platforms, sign, attest, and verify all of it by digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pipelines.errors import SigningError
from pipelines.graph.context import Run
from pipelines.graph.proof import objections, reference
from pipelines.graph.together import together
from pipelines.graph.units import Examination
from pipelines.key import ANNOTATION
from pipelines.model import Sealed, Unit
from pipelines.plan import ServicePlan
from pipelines.stages.index import index
from pipelines.stages.sign import PREDICATES, attest, sign, verifies

# Registries without the referrers API keep the list of what is attached to a digest under a tag, which is read, changed
# and written back. Another run on the same engine can undo an addition; what is then missing is added again.
ROUNDS = 3

Lot = Mapping[str, Sealed]
"""Service → what it publishes. Sealed by name; its signatures are there when `seal` has returned."""


async def join(run: Run, examination: Examination, keys: Mapping[str, str]) -> Lot:
    """Join the platforms of each service that leaves into one index in the quarantine; what is reused has its own.

    :param keys: service → the input key that its index names.
    """
    lot: dict[str, Sealed] = {}
    reuse = examination.reuse

    async def one(service: ServicePlan) -> None:
        if reuse and service.name in reuse.sealed:
            lot[service.name] = reuse.sealed[service.name]
            return
        units = [Unit(service=service.name, platform=platform) for platform in service.platforms]
        async with run.step("index", service.name) as note:
            images = [examination.digests[unit] for unit in units]
            key = keys.get(service.name)
            note.digest = await index(run.toolbox, service, images, annotations={ANNOTATION: key} if key else {})
            note.text = note.digest.short
        platforms = {unit.platform: examination.digests[unit] for unit in units}
        lot[service.name] = Sealed(service=service.name, index=note.digest, platforms=platforms)

    await together(partial(one, service) for service in run.plan.published)
    return {service.name: lot[service.name] for service in run.plan.published}


async def seal(run: Run, examination: Examination, sealed: Sequence[Sealed]) -> None:
    """Sign and attest these services, and verify all of it. What an earlier run has signed is not signed again.

    :raises SigningError: something could not be signed, or did not verify.
    """
    objection = await objections(run, sealed)
    for _ in range(ROUNDS):
        if objection is None:
            return
        await together(partial(_seal, run, examination, one) for one in sealed)
        objection = await objections(run, sealed)
    if objection is not None:
        raise SigningError(
            f"what was just signed does not verify: {objection}",
            remedy="check the key with 'sealift keys'; nothing was published",
            step="verify",
        )


async def _seal(run: Run, examination: Examination, one: Sealed) -> None:
    digests = (one.index, *one.platforms.values())
    references = [reference(run.toolbox, one.service, digest) for digest in digests]
    signer = await run.signer()
    if await verifies(run.toolbox, signer.public, references):
        async with run.step("sign", one.service):
            await sign(run.toolbox, signer, references, service=one.service)
    units = (Unit(service=one.service, platform=platform) for platform in one.platforms)
    await together(partial(_attest, run, examination, unit) for unit in units)


async def _attest(run: Run, examination: Examination, unit: Unit) -> None:
    """Attest both documents, one after the other: each addition rewrites the list of the digest's attachments."""
    image = reference(run.toolbox, unit.service, examination.digests[unit])
    signer = await run.signer()
    async with run.step("attest", unit):
        for kind, name in PREDICATES.items():
            if await verifies(run.toolbox, signer.public, [image], kind=kind):
                document = examination.sboms[unit].files.file(name)
                await attest(run.toolbox, signer, image, kind, document, service=unit.service, platform=unit.platform)
