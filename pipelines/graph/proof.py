"""Whether what is signed and attested verifies, in the quarantine or at a target."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipelines.graph.context import Session
from pipelines.graph.together import together
from pipelines.model import Digest, Sealed, Target
from pipelines.predicates import PREDICATES, unknown
from pipelines.stages.toolbox import Toolbox, quarantined
from pipelines.stages.verify import verifies


def reference(toolbox: Toolbox, service: str, digest: Digest, target: Target | None = None) -> str:
    """A manifest by digest, at a target or in the quarantine, as the tools see it."""
    return f"{toolbox.at(target, service)}@{digest}" if target else quarantined(service, digest)


def subjects(one: Sealed, kind: str | None) -> tuple[Digest, ...]:
    """The manifests of an image to which this has to be attested; for None, those that have to be signed."""
    if kind is None:
        return (one.index, *one.platforms.values())
    if kind not in one.attested:
        return ()
    return (one.index,) if PREDICATES[kind].on_index else tuple(one.platforms.values())


async def objections(session: Session, sealed: Sequence[Sealed], target: Target | None = None) -> str | None:
    """What Cosign objects to, over all signatures and attestations of these services; None if all verify.

    :param target: None for the quarantine.
    :raises RegistryError: the target did not show what was to be verified.
    """
    if not sealed:
        return None
    if strange := unknown(kind for one in sealed for kind in one.attested):
        return strange
    at = partial(reference, session.toolbox, target=target)
    asked = {
        kind: [at(one.service, digest) for one in sealed for digest in subjects(one, kind)]
        for kind in (None, *PREDICATES)
    }
    found: list[str] = []
    trust = await session.trust()
    parties = trust.parties(sealed)

    async def check(references: list[str], kind: str | None) -> None:
        objection = await verifies(session.toolbox, trust, parties, references, kind=kind, outward=target is not None)
        if objection:
            found.append(objection)

    async with session.step("verify", target.registry if target else "") as note:
        await together(partial(check, references, kind) for kind, references in asked.items() if references)
        note.text = "signatures are missing" if found else f"{len(asked[None])} digests signed and attested"
    return found[0] if found else None


async def refusals(session: Session, lot: Sequence[Sealed], target: Target) -> dict[str, str]:
    """Service → what does not verify at a target. All at once are three runs of Cosign; one by one only says which.

    :raises RegistryError: the target did not show what was to be verified.
    """
    if await objections(session, lot, target) is None:
        return {}
    found: dict[str, str] = {}

    async def one(sealed: Sealed) -> None:
        if objection := await objections(session, [sealed], target):
            found[sealed.service] = objection

    await together(partial(one, sealed) for sealed in lot)
    return found
