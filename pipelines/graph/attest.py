"""Attest to every manifest of an image what is not attested yet, or does not verify."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial

from pipelines.graph.context import Run
from pipelines.graph.documents import documents
from pipelines.graph.examination import Examination
from pipelines.graph.proof import reference, subjects
from pipelines.graph.together import together
from pipelines.model import Digest, Sealed, Unit
from pipelines.predicates import OF_THE_RUN, PREDICATES
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
    signer = await run.signer()
    untold = set(told_anew(examination, one))

    async def manifest(unit: Unit | None, digest: Digest) -> None:
        image = reference(run.toolbox, one.service, digest)
        where = {"service": one.service, **({"platform": unit.platform} if unit else {})}
        async with run.step("attest", unit or one.service):
            # One after the other: each addition rewrites the list of what is attached to the digest.
            for kind in (kind for kind in PREDICATES if digest in subjects(one, kind)):
                known = digest not in bare and (digest, kind) not in untold
                if known and await verifies(run.toolbox, signer.trust, parties, [image], kind=kind) is None:
                    continue
                for document in await documents(run, examination, one, unit, kind):
                    await attest(run.toolbox, signer, image, kind, document, outward=False, **where)
                examination.told.add((digest, kind))

    units = {Unit(service=one.service, platform=platform): digest for platform, digest in one.platforms.items()}
    await together([partial(manifest, None, one.index), *(partial(manifest, *item) for item in units.items())])


def told_anew(examination: Examination, one: Sealed) -> Iterator[tuple[Digest, str]]:
    """Manifests and kinds that tell what this run found, and have not been attested by it: an earlier run that came no
    further has told what it found. What is reused keeps what its release has told.
    """
    if examination.reuses(one.service):
        return
    for kind in one.attested:
        for digest in subjects(one, kind) if kind in OF_THE_RUN else ():
            if (digest, kind) not in examination.told:
                yield digest, kind
