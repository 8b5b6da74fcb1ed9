"""Take a release further by its digests, or back: nothing is built, and all that moves verifies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipelines.errors import RegistryError, SigningError
from pipelines.graph.context import Session
from pipelines.graph.finish import finish, missing
from pipelines.graph.look import look
from pipelines.graph.quarantine import held, start
from pipelines.graph.together import together
from pipelines.model import Digest, Sealed, Tag, Target
from pipelines.promotion import Destination, check_fit, moved_back, new_record
from pipelines.record import Record, read
from pipelines.registry import remote
from pipelines.tags import Wanted


async def promote(session: Session, record: Record, text: str, wanted: Sequence[Wanted], to: Destination) -> str:
    """Release the same digests to another environment; the record of that.

    :param text: the record's document.
    :raises ConfigError: the release is not fit for that.
    :raises SigningError: it does not verify where it was released.
    :raises RegistryError: as in a release.
    """
    check_fit(record, to.targets)
    async with held(session.toolbox):
        await start(session.toolbox)
        source = await _whole(session, record)
        found = await look(session, record.lot, wanted, to.targets, prefix=to.tag_prefix)
        because = f"promoted from {record.plan.environment}, release {record.id}"
        new = new_record(
            text, run=session.id, started=session.started, to=to, source=source, found=found, because=because
        )
        await session.persist(new)
        return await finish(session, read(new, session.id), new)


async def roll_back(session: Session, record: Record, text: str, *, because: str) -> str:
    """Let the environment's tags name an earlier release again; the record of that.

    :param record: of the earlier release.
    :raises SigningError: it does not verify any more.
    :raises RegistryError: as in a release.
    """
    check_fit(record, record.targets)
    async with held(session.toolbox):
        await start(session.toolbox)
        source = await _whole(session, record)
        now: dict[tuple[str, Target, Tag], Digest | None] = {}

        async def ask(name: str, target: Target, tag: Tag) -> None:
            now[name, target, tag] = await remote.current(session.registries(target), name, tag)

        async with session.step("tags before"):
            await together(
                partial(ask, name, place.target, move.tag)
                for name, release in record.found.items()
                for place in release.places
                for move in place.tags
            )
        to = Destination(
            environment=record.plan.environment,
            targets=record.targets,
            when_tags_fail=record.plan.when_tags_fail,
            tag_prefix=record.plan.tag_prefix,
        )
        new = new_record(
            text, run=session.id, started=session.started, to=to, source=source, found=moved_back(record, now),
            because=because,
        )  # fmt: skip
        await session.persist(new)
        return await finish(session, read(new, session.id), new)


async def _whole(session: Session, record: Record) -> Target:
    """The first registry of the release that has all of it, verified.

    :raises SigningError: none has.
    :raises RegistryError: none could be asked.
    """
    lost: list[RegistryError] = []
    for target in record.targets:
        try:
            if not await _lacking(session, list(record.lot.values()), target):
                return target
        except RegistryError as failure:
            lost.append(failure)
    if len(lost) == len(record.targets):
        raise lost[0]
    raise SigningError(
        f"the release {record.id} verifies at none of {', '.join(map(str, record.targets))}",
        remedy="do not use it; 'sealift verify' says what is wrong with which image",
        step="verify",
    )


async def _lacking(session: Session, lot: Sequence[Sealed], target: Target) -> bool:
    found: list[bool] = []

    async def check(one: Sealed) -> None:
        found.append(await missing(session, one, target))

    await together(partial(check, one) for one in lot)
    return any(found)
