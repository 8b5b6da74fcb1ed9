"""Work with the engine at registries: what is meant by a version, and that it verifies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ci.front import Ground
from ci.registry_ground import Registries
from ci.registry_look import look
from ci.run import on_engine
from ci.session import Call
from pipelines.config import Flags
from pipelines.errors import RegistryError
from pipelines.graph import Session, fetch
from pipelines.model import VERSION, Platform, Sealed, Tag, Target
from pipelines.predicates import announced
from pipelines.record import Record, read
from pipelines.registry import records
from pipelines.registry.client import Client
from pipelines.registry.concurrent import all_of
from pipelines.registry.holdings import Version
from pipelines.registry.reference import Reference
from pipelines.telemetry import Recorder

T = TypeVar("T")


def sealed(version: Version, service: str, *, rehearsal: bool) -> Sealed:
    """What is signed of an image: its index and platforms.

    :param rehearsal: as the environment is that it is in.
    """
    platforms = {Platform(name): image.digest for name, image in version.platforms.items()}
    return Sealed(
        service=service,
        index=version.digest,
        platforms=platforms,
        version=version.annotations.get(VERSION),
        attested=announced(version.annotations, rehearsal=rehearsal),
    )


async def record_at(client: Client, name: str, prefix: str) -> Record | None:
    """The record that a registry keeps under a version or a run's id; None if there is none."""
    for text in dict.fromkeys((prefix + name, name)):
        try:
            tag = Tag(text)
        except ValueError:
            continue
        if found := await records.get(client, tag):
            return read(found, f"the record {tag}")
    return None


async def chosen(found: Registries, name: str, services: Sequence[str]) -> tuple[list[Sealed], Record | None]:
    """The images of a release, or else those that have a tag.

    :raises RegistryError: there is no such release, and a service has no such tag; all of those are named.
    """
    async with found.clients(found.targets[:1]) as (client,):
        record = await record_at(client, name, found.settings.tag_prefix)
        if record is not None:
            lot = record.lot
            if lacking := [one for one in services if one not in lot]:
                raise RegistryError(
                    f"the release {record.id} has no {', '.join(lacking)}",
                    remedy=f"services of that release: {', '.join(lot)}",
                    step="record",
                )
            return [lot[one] for one in services or lot], record
        wanted = [Reference(service=one, tag=Tag(name)) for one in found.chosen(services)]
        versions = await all_of(partial(look, client, one) for one in wanted)
        return [
            sealed(one, item.service, rehearsal=found.settings.rehearsal)
            for one, item in zip(versions, wanted, strict=True)
        ], None


def on_registries(found: Registries, more: Sequence[Target] = ()) -> Ground:
    """What the engine needs to know for work at these registries."""
    targets = tuple(dict.fromkeys((*found.targets, *more)))
    return Ground(
        project=found.config.project, settings=found.settings, targets=targets, about=found.settings.environment
    )


def on_targets(
    command: str,
    root: Path,
    found: Registries,
    more: Sequence[Target],
    work: Callable[[Session], Awaitable[T]],
) -> T:
    """Work with the engine at the environment's registries, and at these."""
    ground = on_registries(found, more)

    def prepared(_: Mapping[str, str], __: Recorder) -> Ground:
        return ground

    async def on_ground(session: Session, _: Call, __: Ground) -> T:
        return await work(session)

    return on_engine(command, root, Flags(env=found.settings.environment), prepared, on_ground)


def verify_versions(root: Path, found: Registries, lot: Sequence[Sealed]) -> None:
    """Verify at the environment's registry.

    :raises SigningError: what does not verify.
    """
    on_targets("registry verify", root, found, (), partial(fetch.verify_at, lot=lot, target=found.targets[0]))
