"""Carry what is sealed to the target and move tags, last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from pipelines.errors import RegistryError, SigningError
from pipelines.graph.context import Run
from pipelines.graph.seal import ROUNDS, Indexes, objections, seal
from pipelines.graph.together import together
from pipelines.graph.units import Examination
from pipelines.model import Digest, Tag
from pipelines.moves import Held, Named, moves, taken
from pipelines.plan import ServicePlan
from pipelines.release import ServiceRelease
from pipelines.stages import publish
from pipelines.tags import TagKind


async def look(run: Run, indexes: Indexes) -> dict[str, ServiceRelease]:
    """What becomes of every tag at the target, by what it names there now.

    :raises RegistryError: a release tag names another image already; all of these are named.
    """
    found: dict[str, ServiceRelease] = {}
    refused: list[str] = []

    async def service_tags(service: ServicePlan) -> None:
        async with run.step("tags before", service.name) as note:
            held, index = await _held(run, service, indexes[service.name]), indexes[service.name]
            refused.extend(taken(service, held, index))
            decided = moves(service, held, index, prefix=run.plan.tag_prefix)
            note.text = "; ".join(f"{move.tag} stays: {move.kept}" for move in decided if move.kept)
        found[service.name] = ServiceRelease(index=index, tags=decided)

    await together(partial(service_tags, service) for service in run.plan.published)
    if refused:
        raise RegistryError(
            f"{run.plan.registry} has another image under this release's tags:\n    " + "\n    ".join(sorted(refused)),
            remedy="a release tag is never moved: release another version, or check out the commit that made this one",
            step="tags before",
        )
    return found


async def _held(run: Run, service: ServicePlan, index: Digest) -> Held:
    """What the target's repository holds of what `moves` and `taken` look at."""
    toolbox, repository, name, insecure = run.toolbox, service.repository, service.name, run.plan.insecure
    tags: Sequence[str] = ()
    if service.version and any(item.kind is TagKind.LINE for item in service.tags):
        tags = await publish.listed(toolbox, repository, service=name, insecure=insecure)
    named: dict[Tag, Named] = {}
    for item in service.tags:
        digest = await publish.current(toolbox, repository, item.tag, service=name, insecure=insecure)
        if digest is None:
            continue
        annotations: Mapping[str, str] = {}
        if item.kind is not TagKind.FREE and digest != index:
            annotations = await publish.annotated(toolbox, repository, digest, service=name, insecure=insecure)
        named[item.tag] = Named(digest=digest, annotations=annotations)
    return Held(tags=tags, named=named)


async def to_carry(
    run: Run, examination: Examination, indexes: Indexes, found: Mapping[str, ServiceRelease]
) -> Sequence[ServicePlan]:
    """The services that have to be sealed and carried: all but those that the target has, and that verify there.

    A release in which one service changed costs the signatures and the copy of that one.
    """
    there = [
        service for service in run.plan.published if any(move.before == move.after for move in found[service.name].tags)
    ]
    if await objections(run, examination, indexes, there, at_target=True) is None:
        return [service for service in run.plan.published if service not in there]
    return run.plan.published


async def lift(
    run: Run, examination: Examination, found: Mapping[str, ServiceRelease], carried: Sequence[ServicePlan]
) -> dict[str, ServiceRelease]:
    """Copy the indexes that are not at the target yet and verify them there; then move the tags of all services.

    Tags that are right already stay.

    :param carried: the answer of `to_carry`; these services are sealed.
    :raises RegistryError: which copy or tag failed; tags move only after the last copy.
    :raises SigningError: what arrived does not verify; no tag has moved.
    """
    indexes = {name: release.index for name, release in found.items()}
    for number in range(ROUNDS):
        await together(partial(_copy, run, service, indexes[service.name], again=number > 0) for service in carried)
        objection = await objections(run, examination, indexes, carried, at_target=True)
        if objection is None:
            break
        # A copy that broke off, now or in an earlier run, has left signatures without a list that names them; or
        # another run on this engine changed the quarantine's list between verifying and copying.
        await seal(run, examination, indexes, carried)
    else:
        raise SigningError(
            f"what arrived at {run.plan.registry} does not verify: {objection}",
            remedy="run the command again when no other release runs on this engine; no tag has moved",
            step="verify",
        )
    moved: dict[str, ServiceRelease] = {}
    await together(partial(_move, run, service, found[service.name], moved) for service in run.plan.published)
    return moved


async def _copy(run: Run, service: ServicePlan, digest: Digest, *, again: bool) -> None:
    async with run.step("copy", service.name):
        await publish.copy(
            run.toolbox, service.repository, digest, service=service.name, insecure=run.plan.insecure, again=again
        )


async def _move(run: Run, service: ServicePlan, release: ServiceRelease, out: dict[str, ServiceRelease]) -> None:
    """Move the service's tags, and write down which moved."""
    done = []
    async with run.step("tag", service.name) as note:
        for move in release.tags:
            if move.before != move.after:
                await publish.move(
                    run.toolbox,
                    service.repository,
                    move.tag,
                    move.after,
                    service=service.name,
                    insecure=run.plan.insecure,
                )
            done.append(replace(move, moved=move.before != move.after))
        note.text = ", ".join(move.tag for move in release.tags)
    out[service.name] = ServiceRelease(index=release.index, tags=tuple(done))
