"""Earlier releases, as the records at a registry tell them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

from pipelines.errors import RegistryError
from pipelines.graph.context import Session
from pipelines.graph.together import together
from pipelines.model import Tag, Target
from pipelines.record import Record, read
from pipelines.registry import records, remote
from pipelines.release import Place
from pipelines.tags import TagKind, kind_of

_MOST = 100


async def published(session: Session, target: Target) -> AsyncIterator[tuple[Record, str]]:
    """The records of releases that were published, the latest first, each with its text; at most 100 are read."""
    async for name, text in records.latest(session.registries(target), _MOST):
        if (record := read(text, f"the record {name} at {target}")).state == "published":
            yield record, text


async def previous(session: Session, targets: Sequence[Target]) -> str:
    """The record of the release before the one whose tags are in force now.

    :raises RegistryError: no release's tags are in force, or there is none before it.
    """
    present: Record | None = None
    async with session.step("history") as note:
        async for record, text in published(session, targets[0]):
            if present is None:
                if await _in_force(session, record):
                    present = record
            elif record.lot != present.lot and record.lot.keys() == present.lot.keys():
                note.text = f"{present.id} is in force, {record.id} was before"
                return text
    if present is None:
        what = f"no record at {targets[0]} is of what the tags name now"
    else:
        what = f"{targets[0]} has no record of a release before {present.id}"
    raise RegistryError(what, remedy="name the release to go back to: --to VERSION", step="history")


async def _in_force(session: Session, record: Record) -> bool:
    """Whether the tags that moved with the release name it still, at its first registry.

    Of every service some must have moved: one that did not change is the same image in other releases too.
    """
    wrong: list[Tag] = []

    async def ask(name: str, place: Place, tag: Tag) -> None:
        if await remote.current(session.registries(place.target), name, tag) != record.lot[name].index:
            wrong.append(tag)

    moving: list[tuple[str, Place, Tag]] = []
    for name, release in record.found.items():
        place = release.places[0]
        others = [move for move in place.tags if kind_of(move.tag, record.plan.tag_prefix) is not TagKind.RELEASE]
        moved = [move for move in others if not move.kept]
        if others and not moved:
            return False
        moving.extend((name, place, move.tag) for move in moved)
    await together(partial(ask, *item) for item in moving)
    return bool(moving) and not wrong
