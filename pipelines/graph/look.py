"""What the targets hold before a release: which tags move, and what has to be carried there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pipelines.errors import RegistryError
from pipelines.graph.context import Run
from pipelines.graph.proof import objections
from pipelines.graph.seal import Lot
from pipelines.graph.together import together
from pipelines.model import Digest, Sealed, Tag, Target
from pipelines.moves import Held, Named, moves, taken
from pipelines.plan import ServicePlan
from pipelines.release import Place, ServiceRelease
from pipelines.stages import remote
from pipelines.tags import TagKind

Found = Mapping[str, ServiceRelease]
"""Service → its index, and at each target what becomes of its tags."""


async def look(run: Run, lot: Lot) -> Found:
    """What becomes of every tag at every target, by what it names there now.

    :raises RegistryError: a release tag names another image already; all of these are named.
    """
    places: dict[tuple[str, Target], Place] = {}
    refused: list[str] = []

    async def tags(service: ServicePlan, target: Target) -> None:
        index = lot[service.name].index
        async with run.step("tags before", service.name, at=target) as note:
            held = await _held(run, service, target, index)
            refused.extend(f"{target.registry}: {text}" for text in taken(service, held, index))
            decided = moves(service, held, index, prefix=run.plan.tag_prefix)
            note.text = "; ".join(f"{move.tag} stays: {move.kept}" for move in decided if move.kept)
        places[service.name, target] = Place(target=target, tags=decided)

    services, targets = run.plan.published, run.plan.targets
    await together(partial(tags, service, target) for service in services for target in targets)
    if refused:
        raise RegistryError(
            "another image has this release's tags already:\n    " + "\n    ".join(sorted(refused)),
            remedy="a release tag is never moved: release another version, or check out the commit that made this one",
            step="tags before",
        )
    return {
        service.name: ServiceRelease(
            index=lot[service.name].index, places=tuple(places[service.name, target] for target in targets)
        )
        for service in services
    }


async def _held(run: Run, service: ServicePlan, target: Target, index: Digest) -> Held:
    """What the target's repository holds of what `moves` and `taken` look at."""
    tags: Sequence[str] = ()
    if service.version and any(item.kind is TagKind.LINE for item in service.tags):
        tags = await remote.listed(run.toolbox, target, service.name)
    named: dict[Tag, Named] = {}
    for item in service.tags:
        digest = await remote.current(run.toolbox, target, service.name, item.tag)
        if digest is None:
            continue
        annotations: Mapping[str, str] = {}
        if item.kind is not TagKind.FREE and digest != index:
            annotations = await remote.annotated(run.toolbox, target, service.name, digest)
        named[item.tag] = Named(digest=digest, annotations=annotations)
    return Held(tags=tags, named=named)


Loads = Mapping[Target, Sequence[Sealed]]
"""Target → what has to be carried there."""


async def to_carry(run: Run, lot: Lot, found: Found) -> Loads:
    """All services but those that the target has, and that verify there.

    A release in which one service changed costs the signatures and the copies of that one.
    """
    loads: dict[Target, Sequence[Sealed]] = {}

    async def one(number: int, target: Target) -> None:
        def named(name: str) -> bool:
            return any(move.before == found[name].index for move in found[name].places[number].tags)

        there = [sealed for name, sealed in lot.items() if named(name)]
        verified = await objections(run, there, target) is None
        loads[target] = [sealed for sealed in lot.values() if not (verified and sealed in there)]

    await together(partial(one, number, target) for number, target in enumerate(run.plan.targets))
    return loads
