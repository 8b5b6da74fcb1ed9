"""Attest later scans to images where they are, and see that they verify there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pipelines.errors import SigningError
from pipelines.graph.context import Session
from pipelines.graph.proof import reference
from pipelines.graph.rescan import Found
from pipelines.graph.together import together
from pipelines.invocation import Invocation
from pipelines.model import Platform, Sealed, Target
from pipelines.plan import Rules
from pipelines.predicates import SCAN
from pipelines.registry import remote
from pipelines.rescanned import Rescanned
from pipelines.scan_result import scan_result
from pipelines.stages.attested import proofs
from pipelines.stages.database import Advisories
from pipelines.stages.sign import attest
from pipelines.stages.toolbox import tool_references
from pipelines.statements import scan_finished
from pipelines.tools import TRIVY


async def attest_scans(
    session: Session,
    results: Sequence[Found],
    targets: Sequence[Target],
    found: Advisories,
    rules: Rules,
    invocation: Invocation,
) -> list[Found]:
    """Attest each scan that passed the environment's rules, wherever its image is; and see that it verifies there.

    What did not pass keeps its last attestation, which grows too old: whoever asks for the age of the scan refuses it.

    :raises SigningError: it could not be attested, or does not verify.
    :raises RegistryError: a registry did not take it.
    """
    scanner = (await tool_references(session.toolbox, [TRIVY]))[TRIVY.name]
    done: dict[int, Found] = dict(enumerate(results))

    async def one(number: int, item: Found) -> None:
        rescanned, places = item.rescanned, list[str]()
        if rescanned.refused(rules) or rescanned.unseen:
            return
        document = scan_result(
            rescanned.scan,
            excused=rescanned.excused(rules),
            rules=rules,
            database=found.database,
            scanner=scanner,
            run=session.id,
            invocation=invocation.by((await session.signer()).workflow),
        )
        for target in targets:
            if await remote.holds(session.registries(target), rescanned.unit.service, rescanned.digest):
                await _attest(session, rescanned, target, json.dumps(document, ensure_ascii=False))
                places.append(target.registry)
        done[number] = replace(item, rescanned=replace(rescanned, attested=tuple(places)))

    await together(partial(one, *item) for item in enumerate(results))
    return [done[number] for number in sorted(done)]


async def _attest(session: Session, one: Rescanned, target: Target, document: str) -> None:
    unit, signer = one.unit, await session.signer()
    image = reference(session.toolbox, unit.service, one.digest, target)
    async with session.step("attest", unit, at=target):
        await attest(
            session.toolbox, signer, image, SCAN.kind, document,
            outward=True, service=unit.service, platform=unit.platform,
        )  # fmt: skip
    sealed = Sealed(service=unit.service, index=one.digest, platforms={Platform(unit.platform): one.digest})
    trust = await session.trust()
    async with session.step("verify", unit, at=target):
        proof = (
            await proofs(
                session.toolbox, trust, trust.parties([sealed]), {one.digest: image}, kind=SCAN.kind, read=True
            )
        )[one.digest]
        # The registry's list of attachments may have lost it to another's addition at the same time.
        if proof.objection is not None or scan_finished(proof.statements) != one.scan.created:
            raise SigningError(
                f"the scan that was just attested does not verify: {proof.objection or 'it is not there'}",
                remedy="run the command again",
                service=unit.service,
                platform=unit.platform,
                step="verify",
            )
