"""Move the tags of all services at all targets, last; and if one cannot be moved, move back those that had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from pipelines.errors import EngineError, RegistryError, SealiftError, SeveralErrors
from pipelines.graph.context import Session
from pipelines.graph.look import Found
from pipelines.graph.together import together
from pipelines.model import Digest, Target
from pipelines.moves import TagMove
from pipelines.registry import remote
from pipelines.release import Place
from pipelines.stages import publish

RESUME = "'sealift release resume' finishes the release from its record; it moves only what has not moved"


class TagsFailed(RegistryError):
    """A tag could not be moved, after others had.

    :param found: the tags as they are now, as far as the registries say.
    :param undone: whether all that had moved were moved back.
    """

    def __init__(self, what: str, *, remedy: str, found: Found, undone: bool) -> None:
        super().__init__(what, remedy=remedy, step="tag")
        self.found = found
        self.undone = undone


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One tag of one service at one target."""

    service: str
    target: Target
    move: TagMove

    def __str__(self) -> str:
        return f"{self.target.repository(self.service)}:{self.move.tag}"


def _steps(found: Found) -> Iterator[_Step]:
    """Every tag that has to move."""
    for name, release in found.items():
        for place in release.places:
            for move in place.tags:
                if move.before != move.after:
                    yield _Step(service=name, target=place.target, move=move)


async def move_tags(session: Session, found: Found, *, move_back: bool, again: bool = False) -> Found:
    """Move every tag that is not right yet; the same with what moved.

    :param move_back: what to do with those that have moved when one cannot be moved.
    :param again: the release had begun to move tags before: those that are right already are its own.
    :raises TagsFailed: one could not be moved.
    :raises EngineError: the engine was lost; nothing could be moved back.
    """
    done: set[_Step] = set()
    tried: set[_Step] = set(_steps(found)) if again else set()
    failures: list[SealiftError] = []

    async def service_tags(name: str, place: Place) -> None:
        async with session.step("tag", name, at=place.target) as note:
            for step in _steps({name: replace(found[name], places=(place,))}):
                # What is under way is not cancelled, as elsewhere: it must be known what moved. Nothing new begins.
                if failures:
                    return
                await _move(session, step, tried)
                done.add(step)
            note.text = ", ".join(move.tag for move in place.tags)

    async def guarded(name: str, place: Place) -> None:
        try:
            await service_tags(name, place)
        except EngineError as failure:
            failure.remedy = f"{failure.remedy}; tags may have moved: {RESUME}"
            raise
        except SealiftError as failure:
            failures.append(failure)

    await together(partial(guarded, name, place) for name, release in found.items() for place in release.places)
    if failures:
        failure = failures[0] if len(failures) == 1 else SeveralErrors(failures)
        raise await _failed(session, found, tried, failure, move_back=move_back) from failure
    return _with_moved(found, done)


async def _move(session: Session, step: _Step, tried: set[_Step]) -> None:
    """Move one tag, if it still is where it was seen.

    :param tried: receives the step as soon as it may have an effect.
    :raises RegistryError: somebody else moved it, or the registry refused.
    """
    move = step.move
    now = await remote.current(session.registries(step.target), step.service, move.tag)
    if now == move.after:
        return
    if now != move.before:
        raise RegistryError(
            f"{step} was moved by somebody else while this release ran: it named {_name(move.before)}, and now"
            f" {_name(now)}",
            remedy="see what was released there, then run the command again",
            service=step.service,
            step="tag",
        )
    tried.add(step)
    await remote.move(session.registries(step.target), step.service, move.tag, move.after)


def _name(digest: Digest | None) -> str:
    return digest.short if digest else "nothing"


async def check_unmoved(session: Session, found: Found) -> None:
    """See that every tag is where the release found it, or has brought it.

    :raises RegistryError: somebody else has moved some since; all of these are named.
    """
    others: list[str] = []

    async def ask(step: _Step) -> None:
        now = await remote.current(session.registries(step.target), step.service, step.move.tag)
        if now not in (step.move.before, step.move.after):
            others.append(f"{step} names {_name(now)}; it named {_name(step.move.before)}")

    async with session.step("tags before"):
        await together(partial(ask, step) for step in _steps(found))
    if others:
        raise RegistryError(
            "tags of this release were moved by somebody else since:\n    " + "\n    ".join(sorted(others)),
            remedy="a later release has them: leave it, or run this one again with 'sealift build-all' at its commit",
            step="tags before",
        )


async def _failed(
    session: Session, found: Found, tried: set[_Step], failure: SealiftError, *, move_back: bool
) -> TagsFailed:
    """What is where now, and back again if it is to be."""
    moved: list[_Step] = []
    unknown: list[_Step] = []

    async def ask(step: _Step) -> None:
        try:
            now = await remote.current(session.registries(step.target), step.service, step.move.tag)
        except RegistryError:
            unknown.append(step)
        else:
            if now == step.move.after:
                moved.append(step)

    async with session.step("tags after"):
        await together(partial(ask, step) for step in tried)
    stuck = await _back(session, moved) if move_back else dict.fromkeys(moved, "")
    lines = [failure.what]
    for words, steps in (
        ("moved back", [str(step) for step in moved if step not in stuck]),
        ("moved, and left there", [str(step) for step, why in stuck.items() if not why]),
        ("moved, and could not be moved back", [f"{step} ({why})" for step, why in stuck.items() if why]),
        ("not known, for the registry does not answer", [str(step) for step in unknown]),
    ):
        if steps:
            lines.append(f"{words}: {', '.join(sorted(steps))}")
    undone = not stuck and not unknown
    return TagsFailed(
        "\n    ".join(lines),
        remedy=f"{failure.remedy}; then {RESUME}",
        found=_with_moved(found, set(stuck)),
        undone=undone,
    )


async def _back(session: Session, moved: list[_Step]) -> dict[_Step, str]:
    """Let each tag name what it named before; those for which that failed, and why."""
    stuck: dict[_Step, str] = {}

    async def back(step: _Step) -> None:
        move = step.move
        try:
            if move.before is None:
                await publish.untag(session.toolbox, step.target, step.service, move.tag)
            else:
                await remote.move(session.registries(step.target), step.service, move.tag, move.before)
        except RegistryError as failure:
            stuck[step] = failure.what

    async with session.step("tags back") as note:
        await together(partial(back, step) for step in moved)
        note.text = f"{len(moved) - len(stuck)} of {len(moved)}"
    return stuck


def _with_moved(found: Found, moved: set[_Step]) -> Found:
    """The same, in which the tags of these steps have moved."""

    def place(name: str, old: Place) -> Place:
        tags = (replace(move, moved=_Step(service=name, target=old.target, move=move) in moved) for move in old.tags)
        return replace(old, tags=tuple(tags))

    return {
        name: replace(release, places=tuple(place(name, old) for old in release.places))
        for name, release in found.items()
    }
