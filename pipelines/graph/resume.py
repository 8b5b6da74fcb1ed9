"""Finish a release from its record: what is there and verifies stays, what is missing is carried; tags move last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pipelines.errors import ConfigError, RegistryError, SigningError
from pipelines.graph.context import Session
from pipelines.graph.proof import objections
from pipelines.graph.quarantine import held, start
from pipelines.graph.records import keep
from pipelines.graph.seal import ROUNDS
from pipelines.graph.tagging import TagsFailed, check_unmoved, move_tags
from pipelines.graph.together import together
from pipelines.model import Sealed, Target
from pipelines.record import Record, updated
from pipelines.stages import publish

RESUMABLE = ("recorded", "moving", "undone", "published")


async def resume(session: Session, record: Record, text: str) -> str:
    """Finish the release; its record as it is then.

    :param text: the record's document, which is kept but for what changes.
    :raises ConfigError: the record is of a release that had not got as far as its signatures.
    :raises RegistryError: something cannot be carried, or a tag not be moved; as in a release.
    :raises SigningError: what is nowhere to be had in a state that verifies.
    """
    if record.state not in RESUMABLE:
        raise ConfigError(
            f"the record {record.id} is of a release in the state {record.state!r}: nothing of it has left the machine",
            remedy="run the command that was broken off again; what is built is found again",
            step="resume",
        )
    async with held(session.toolbox):
        await start(session.toolbox)
        await check_unmoved(session, record.found)
        await _bring(session, record)
        await session.persist(updated(text, state="moving"))
        try:
            back = record.plan.when_tags_fail == "move-back"
            found = await move_tags(session, record.found, move_back=back, again=True)
        except TagsFailed as failure:
            state = "undone" if failure.undone else "moving"
            await session.persist(updated(text, state=state, found=failure.found))
            raise
        done = updated(text, state="published", finished=session.clock(), found=found)
        await session.persist(done)
        await keep(session, record.targets, done, record.tags)
    return done


async def _bring(session: Session, record: Record) -> None:
    """See that every target has all of the release, and that it verifies there."""
    lacking: dict[Target, Sequence[Sealed]] = {}

    async def check(target: Target) -> None:
        lacking[target] = [one for one in record.lot.values() if await _missing(session, one, target)]

    await together(partial(check, target) for target in record.targets)
    for target, lot in lacking.items():
        await together(partial(_carry, session, one, target, lacking) for one in lot)


async def _missing(session: Session, one: Sealed, target: Target | None) -> bool:
    return await objections(session, [one], target) is not None


async def _carry(session: Session, one: Sealed, target: Target, lacking: Mapping[Target, Sequence[Sealed]]) -> None:
    """Copy a service to a target from wherever it is whole: another target, or the quarantine of this machine."""
    whole = [other for other, lot in lacking.items() if one not in lot]
    source = whole[0] if whole else None
    if source is None and await _missing(session, one, None):
        raise SigningError(
            f"{one.service} ({one.index.short}) is whole in none of the registries, nor in this machine's quarantine",
            remedy="run the release again: 'sealift build-all' at the same commit",
            service=one.service,
            step="resume",
        )
    for number in range(ROUNDS):
        async with session.step("copy", one.service, at=target):
            await publish.copy(session.toolbox, target, one.service, one.index, source=source, again=number > 0)
        if not await _missing(session, one, target):
            return
    raise RegistryError(
        f"what arrived at {target} does not verify",
        remedy="run the command again when no other release runs; no tag has moved",
        service=one.service,
        step="resume",
    )
