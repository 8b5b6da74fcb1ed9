"""What the targets hold before a release: which tags move, and what has to be carried there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from pipelines.errors import RegistryError
from pipelines.graph.context import Session
from pipelines.graph.proof import objections
from pipelines.graph.seal import Lot
from pipelines.graph.together import together
from pipelines.model import Digest, Sealed, Tag, Target
from pipelines.moves import Held, Named, moves, taken
from pipelines.registry import remote
from pipelines.release import Place, ServiceRelease
from pipelines.tags import TagKind, Wanted

Found = Mapping[str, ServiceRelease]
"""Service → its index, and at each target what becomes of its tags."""


async def look(
    session: Session, lot: Lot, wanted: Sequence[Wanted], targets: Sequence[Target], *, prefix: str
) -> Found:
    """What becomes of every tag at every target, by what it names there now.

    :param prefix: before every tag.
    :raises RegistryError: a release tag names another image already; all of these are named.
    """
    places: dict[tuple[str, Target], Place] = {}
    refused: list[str] = []

    async def tags(one: Wanted, target: Target) -> None:
        index = lot[one.service].index
        async with session.step("tags before", one.service, at=target) as note:
            held = await _held(session, one, target, index)
            refused.extend(f"{target.registry}: {text}" for text in taken(one, held, index))
            decided = moves(one, held, index, prefix=prefix)
            note.text = "; ".join(f"{move.tag} stays: {move.kept}" for move in decided if move.kept)
        places[one.service, target] = Place(target=target, tags=decided)

    await together(partial(tags, one, target) for one in wanted for target in targets)
    if refused:
        raise RegistryError(
            "another image has this release's tags already:\n    " + "\n    ".join(sorted(refused)),
            remedy="a release tag is never moved: release another version, or check out the commit that made this one",
            step="tags before",
        )
    return {
        one.service: ServiceRelease(
            index=lot[one.service].index,
            attested=lot[one.service].attested,
            places=tuple(places[one.service, target] for target in targets),
        )
        for one in wanted
    }


async def _held(session: Session, wanted: Wanted, target: Target, index: Digest) -> Held:
    """What the target's repository holds of what `moves` and `taken` look at."""
    registry, service = session.registries(target), wanted.service
    tags: Sequence[str] = ()
    if wanted.version and any(item.kind is TagKind.LINE for item in wanted.tags):
        tags = await remote.listed(registry, service)
    named: dict[Tag, Named] = {}
    for item in wanted.tags:
        digest = await remote.current(registry, service, item.tag)
        if digest is None:
            continue
        annotations: Mapping[str, str] = {}
        if item.kind is not TagKind.FREE and digest != index:
            annotations = await remote.annotated(registry, service, digest)
        named[item.tag] = Named(digest=digest, annotations=annotations)
    return Held(tags=tags, named=named)


Loads = Mapping[Target, Sequence[Sealed]]
"""Target → what has to be carried there."""


async def to_carry(session: Session, lot: Lot, found: Found, *, verified: Collection[str]) -> Loads:
    """All services but those that the target has, and that verify there.

    :param verified: services that have been verified at the first target.

    A release in which one service changed costs the signatures and the copies of that one.
    """
    loads: dict[Target, Sequence[Sealed]] = {}

    async def one(number: int, target: Target) -> None:
        def named(name: str) -> bool:
            return any(move.before == found[name].index for move in found[name].places[number].tags)

        whole = {name for name in lot if number == 0 and name in verified}
        there = [sealed for name, sealed in lot.items() if name not in whole and named(name)]
        if await objections(session, there, target) is None:
            whole |= {sealed.service for sealed in there}
        loads[target] = [sealed for name, sealed in lot.items() if name not in whole]

    targets = next(iter(found.values())).places
    await together(partial(one, number, place.target) for number, place in enumerate(targets))
    return loads
