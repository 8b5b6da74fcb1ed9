"""Attest to every manifest of an image what is not attested yet, or does not verify."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from pipelines.graph.context import Run
from pipelines.graph.documents import documents
from pipelines.graph.proof import reference, subjects
from pipelines.graph.together import together
from pipelines.graph.units import Examination
from pipelines.model import Digest, Platform, Sealed, Unit
from pipelines.predicates import PREDICATES
from pipelines.stages.sign import attest
from pipelines.stages.verify import verifies
from pipelines.trust import Party


async def attest_missing(
    run: Run, examination: Examination, one: Sealed, parties: Sequence[Party], *, bare: Collection[Digest]
) -> None:
    """Attest what has to be attested to the index and to the platforms: their manifests at once.

    :param parties: whose attestations count.
    :param bare: what nothing is attested to yet.
    :raises SigningError: Cosign failed.
    """
    manifests: list[tuple[Platform | None, Digest]] = [(None, one.index), *one.platforms.items()]

    async def manifest(platform: Platform | None, digest: Digest) -> None:
        unit = Unit(service=one.service, platform=platform) if platform else None
        kinds = [kind for kind in PREDICATES if digest in subjects(one, kind)]
        if not kinds:
            return
        async with run.step("attest", unit or one.service):
            # One after the other: each addition rewrites the list of what is attached to the digest.
            for kind in kinds:
                await _attest(run, examination, one, unit, parties, kind, digest, new=digest in bare)

    await together(partial(manifest, platform, digest) for platform, digest in manifests)


async def _attest(
    run: Run,
    examination: Examination,
    one: Sealed,
    unit: Unit | None,
    parties: Sequence[Party],
    kind: str,
    digest: Digest,
    *,
    new: bool,
) -> None:
    signer = await run.signer()
    image = reference(run.toolbox, one.service, digest)
    if not new and await verifies(run.toolbox, signer.trust, parties, [image], kind=kind) is None:
        return
    where = {"service": one.service, **({"platform": unit.platform} if unit else {})}
    for document in await documents(run, examination, one, unit, kind):
        await attest(run.toolbox, signer, image, kind, document, **where)
