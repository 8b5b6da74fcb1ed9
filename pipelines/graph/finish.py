"""Finish a release from its record: what is there and verifies stays, what is missing is carried; tags move last.

A release that was broken off is finished so; and one that goes to another environment, or back to an earlier version,
is a record that has yet to be finished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pipelines.errors import ConfigError, RegistryError, SigningError
from pipelines.graph.context import Session
from pipelines.graph.proof import objections
from pipelines.graph.quarantine import held, start
from pipelines.graph.records import check_claim, claim, keep
from pipelines.graph.reuse import remember
from pipelines.graph.seal import ROUNDS
from pipelines.graph.tagging import TagsFailed, check_unmoved, move_tags
from pipelines.graph.together import together
from pipelines.model import Digest, Sealed, Target
from pipelines.record import Record, updated
from pipelines.registry import remote
from pipelines.stages import publish, quarantine

RESUMABLE = ("recorded", "moving", "undone", "published")

Places = Mapping[Target | None, Sequence[Sealed]]
"""Registry, or None for the quarantine → what it lacks."""


async def resume(session: Session, record: Record, text: str) -> str:
    """Finish a release that was broken off; its record as it is then.

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
    if record.state == "published":
        session.observer.say(
            f"{record.id} is published already; what is missing of it is brought again. A run that was broken off"
            " before it wrote its own record has changed nothing: run its command again."
        )
    async with held(session.toolbox):
        await start(session.toolbox)
        await check_unmoved(session, record.found)
        return await finish(session, record, text, again=True)


async def finish(session: Session, record: Record, text: str, *, again: bool = False) -> str:
    """Carry what is missing, move the tags, and keep the record; the record as it is then.

    :param again: tags that are right already were moved by this release before.
    """
    first, versions = record.targets[0], record.tags[1:]
    await claim(session, first, text, versions)
    await _bring(session, record)
    await keep(session, record.targets, text, record.tags[:1])
    await check_claim(session, first, record.id, versions)
    await session.persist(updated(text, state="moving"))
    try:
        back = record.plan.when_tags_fail == "move-back"
        found = await move_tags(session, record.found, move_back=back, again=again)
    except TagsFailed as failure:
        state = "undone" if failure.undone else "moving"
        await session.persist(updated(text, state=state, found=failure.found))
        raise
    done = updated(text, state="published", finished=session.clock(), found=found)
    await session.persist(done)
    await remember(session, {name: one.index for name, one in record.lot.items()}, record.keys, first)
    await keep(session, record.targets, done, record.tags)
    return done


async def _bring(session: Session, record: Record) -> None:
    """See that every target has all of the release, and that it verifies there."""
    lot = list(record.lot.values())
    lacking: dict[Target | None, Sequence[Sealed]] = {}
    source = record.source.target if record.source else None

    async def check(target: Target) -> None:
        try:
            lacking[target] = [one for one in lot if await missing(session, one, target)]
        except RegistryError:
            # Where its images once came from may be gone: it is not needed if they are elsewhere.
            if target in record.targets:
                raise
            lacking[target] = lot

    sources = [source] if source else []
    await together(partial(check, target) for target in dict.fromkeys((*record.targets, *sources)))
    carried = [(one, target) for target in record.targets for one in lacking[target]]
    await together(partial(_carry, session, one, target, lacking) for one, target in carried)


async def missing(session: Session, one: Sealed, target: Target | None) -> bool:
    """Whether a registry, or for None the quarantine, lacks any of it in a state that verifies.

    Cosign does not ask for what it verifies: signatures can be there without the image, for they are copied before it.
    """
    lost: list[Digest] = []

    async def check(digest: Digest) -> None:
        if target is None:
            there = await quarantine.holds(session.toolbox, one.service, digest)
        else:
            there = await remote.holds(session.registries(target), one.service, digest)
        if not there:
            lost.append(digest)

    await together(partial(check, digest) for digest in (one.index, *one.platforms.values()))
    return bool(lost) or await objections(session, [one], target) is not None


async def _carry(session: Session, one: Sealed, target: Target, lacking: Places) -> None:
    """Copy a service to a target from wherever it is whole: another registry, or the quarantine of this machine."""
    whole = [other for other, lot in lacking.items() if one not in lot]
    source = whole[0] if whole else None
    if source is None and await missing(session, one, None):
        raise SigningError(
            f"{one.service} ({one.index.short}) verifies in none of the registries, nor in this machine's quarantine",
            remedy="run the release again: 'sealift build-all' at the same commit",
            service=one.service,
            step="verify",
        )
    await bring(session, one, target, source=source)


async def bring(session: Session, one: Sealed, target: Target, *, source: Target | None) -> None:
    """Copy a service to a target, and see that it verifies there.

    :param source: None for the quarantine.
    :raises RegistryError: it cannot be copied, or did not arrive whole.
    """
    for number in range(ROUNDS):
        async with session.step("copy", one.service, at=target):
            await publish.copy(session.toolbox, target, one.service, one.index, source=source, again=number > 0)
        if not await missing(session, one, target):
            return
    raise RegistryError(
        f"what arrived at {target} does not verify",
        remedy="run the command again when no other release runs; no tag has moved",
        service=one.service,
        step="verify",
    )
