"""After the gate: join the platforms, sign, attest, and verify all of it by digest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from pipelines import predicates
from pipelines.errors import SigningError
from pipelines.findings import used_vex
from pipelines.graph.attest import attest_missing, told_anew
from pipelines.graph.context import Run
from pipelines.graph.examination import Examination
from pipelines.graph.proof import objections, reference, subjects
from pipelines.graph.together import together
from pipelines.key import ANNOTATION
from pipelines.model import VERSION, Digest, Sealed, Unit
from pipelines.plan import ServicePlan
from pipelines.stages import quarantine
from pipelines.stages.index import index
from pipelines.stages.sign import sign
from pipelines.stages.verify import verifies

# Registries without the referrers API keep the list of what is attached to a digest under a tag, which is read, changed
# and written back. Another run on the same engine can undo an addition; what is then missing is added again.
ROUNDS = 3

Lot = Mapping[str, Sealed]
"""Service → what it publishes. Sealed by name; its signatures are there when `seal` has returned."""


async def join(run: Run, examination: Examination, keys: Mapping[str, str], *, silent: Collection[str] = ()) -> Lot:
    """Join the platforms of each service that leaves into one index in the quarantine; what is reused has its own.

    :param keys: service → the input key that its index names.
    :param silent: services whose index does not say what is attested to it, as of earlier versions.
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
            says = {} if service.name in silent else {predicates.ANNOTATION: predicates.ANNOUNCED}
            if key := keys.get(service.name):
                says[ANNOTATION] = key
            note.digest = await index(run.toolbox, service, images, annotations=says)
            note.text = note.digest.short
        platforms = {unit.platform: examination.digests[unit] for unit in units}
        lot[service.name] = Sealed(
            service=service.name,
            index=note.digest,
            platforms=platforms,
            version=service.labels[VERSION],
            attested=predicates.attested(
                scanned=run.options.scan,
                vex=[item.predicate for item in used_vex(run.plan.rules, examination.of(service.name))],
            ),
        )

    await together(partial(one, service) for service in run.plan.published)
    return {service.name: lot[service.name] for service in run.plan.published}


async def seal(run: Run, examination: Examination, sealed: Sequence[Sealed]) -> None:
    """Sign and attest these services, and verify all of it. What an earlier run has signed is not signed again.

    :raises SigningError: something could not be signed, or did not verify.
    """
    if not sealed:
        return
    bare = await _bare(run, sealed)
    objection = await objections(run, [one for one in sealed if not bare.intersection(subjects(one, None))])
    for _ in range(ROUNDS):
        if objection is None and not bare and not any(any(told_anew(examination, one)) for one in sealed):
            return
        await together(partial(_seal, run, examination, one, bare) for one in sealed)
        bare = frozenset()
        objection = await objections(run, sealed)
    if objection is not None:
        raise SigningError(
            f"what was just signed does not verify: {objection}",
            remedy="check the key with 'sealift keys', or the identities in 'signing'; nothing was published",
            step="verify",
        )


async def _bare(run: Run, sealed: Sequence[Sealed]) -> frozenset[Digest]:
    """What nothing is attached to in the quarantine: there is no signature to verify before one is made.

    The quarantine has no referrers API: what is attached to a digest is listed under a tag made of that digest (OCI
    distribution specification, "Referrers Tag Schema").
    """
    found: set[Digest] = set()

    async def look(one: Sealed) -> None:
        tags = await quarantine.tags(run.toolbox, one.service)
        found.update(
            digest
            for digest in subjects(one, None)
            if not any(tag.startswith(digest.replace(":", "-")) for tag in tags)
        )

    async with run.step("verify") as note:
        await together(partial(look, one) for one in sealed)
        note.text = f"{len(found)} digests are new"
    return frozenset(found)


async def _seal(run: Run, examination: Examination, one: Sealed, bare: Collection[Digest]) -> None:
    """Sign and attest what is not, or does not verify.

    :param bare: what nothing is attached to.
    """
    signer = await run.signer()
    parties = signer.trust.parties([one])
    digests = [digest for digest in subjects(one, None) if digest in bare]
    others = [reference(run.toolbox, one.service, digest) for digest in subjects(one, None) if digest not in bare]
    if others and await verifies(run.toolbox, signer.trust, parties, others):
        digests = list(subjects(one, None))
    if digests:
        async with run.step("sign", one.service):
            references = [reference(run.toolbox, one.service, digest) for digest in digests]
            await sign(run.toolbox, signer, references, service=one.service)
    await attest_missing(run, examination, one, parties, bare=bare)
