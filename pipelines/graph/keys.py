"""The input keys of a run's services: what the repository says, and what the images that Dockerfiles name are today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import anyio
import dagger

from pipelines.graph.context import Run
from pipelines.graph.pins import pins_of
from pipelines.key import MADE_BY, Ingredients, Key, Unknown
from pipelines.model import Platform, Unit
from pipelines.plan import ServicePlan
from pipelines.stages.build import base_digest
from pipelines.stages.engine import own_platform, version
from pipelines.stages.failures import message

Read = Mapping[str, Ingredients | Unknown]
"""Service → what it is made of."""


async def read(run: Run) -> Read:
    """What the repository says of every service now."""
    return await anyio.to_thread.run_sync(partial(_read, run.made_of, run.plan.services))


async def keys_of(run: Run, made_of: Read) -> tuple[dict[str, Key], dict[str, str]]:
    """The key of every service whose inputs can be told; of the others, why they cannot.

    Every image that a Dockerfile names is asked for once in a run: its tag may name another one today.
    """
    keys: dict[str, Key] = {}
    why: dict[str, str] = {}
    engine = await version(run.toolbox)
    tools = [run.toolbox.image(tool) for tool in MADE_BY]
    for service in run.plan.services:
        found = made_of[service.name]
        try:
            if isinstance(found, Unknown):
                raise found
            if lacking := [need for need in service.needs if need not in keys]:
                raise Unknown(f"it is built on {', '.join(lacking)}, of which that is so")
            needs = {need: keys[need] for need in service.needs}
            keys[service.name] = found.key(
                digests=await digests(run, service, found), needs=needs, engine=engine, tools=tools
            )
        except Unknown as unknown:
            why[service.name] = f"its inputs cannot be told: {unknown}"
    return keys, why


def _read(
    made_of: Callable[[ServicePlan], Ingredients], services: Iterable[ServicePlan]
) -> dict[str, Ingredients | Unknown]:
    found: dict[str, Ingredients | Unknown] = {}
    for service in services:
        try:
            found[service.name] = made_of(service)
        except Unknown as unknown:
            found[service.name] = unknown
    return found


async def builds_on(run: Run, service: str, platform: Platform) -> Platform:
    """The platform of the engine that builds this image: `$BUILDPLATFORM` in its Dockerfile."""
    if given := run.given.get(Unit(service=service, platform=platform)):
        return Platform(given.made_by.engine_platform)
    return await own_platform(run.toolbox)


async def digests(run: Run, service: ServicePlan, made_of: Ingredients) -> Mapping[Platform, Mapping[str, str]]:
    """Platform → image that the Dockerfile names → its digest: the one that pins it, or else the registry's now.

    Of an image that another run has built, as it was then: a tag may have moved since.
    """
    pins = await pins_of(run, service)
    found: dict[Platform, dict[str, str]] = {platform: {} for platform in made_of.images}
    for platform, images in made_of.images.items():
        if given := run.given.get(Unit(service=service.name, platform=platform)):
            if given.bases is None or {str(image) for image in images} - given.bases.keys():
                raise Unknown(f"run {given.made_by.run}, which built it, could not tell its base images")
            found[platform] = {str(image): given.bases[str(image)] for image in images}
            continue
        own = await builds_on(run, service.name, platform)
        for image in images:
            if digest := pins.get(image.reference):
                found[platform][str(image)] = digest
                continue
            wanted = platform if image.platform is None else image.platform or own
            try:
                found[platform][str(image)] = await base_digest(run.toolbox, image.reference, Platform(wanted))
            except (dagger.QueryError, ValueError) as failure:
                said = message(failure) if isinstance(failure, dagger.QueryError) else str(failure)
                raise Unknown(f"{image.reference}: {said}") from failure
    return found
