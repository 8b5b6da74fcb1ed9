"""Compare a run with the last release: which release that is, and what of it has to be asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from ci.interrupt import interruptible
from ci.registry_engine import on_targets, record_at
from ci.registry_ground import Registries, registries
from ci.release_commands import check_targets
from pipelines.delta import Delta, Seen, ServiceDelta, digests, of_service
from pipelines.errors import ConfigError, RegistryError, shown
from pipelines.graph import Session
from pipelines.graph.delta import here, released
from pipelines.model import Target, Unit
from pipelines.record import Record, read_file
from pipelines.registry.released import latest

_NAME = re.compile(r"(?:.*-)?v[0-9].*|[0-9]{8}T[0-9]{6}Z-.+")
"""What records are kept under (`pipelines.release.record_tags`): versions, a service's too, and runs."""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What a run is compared with.

    :param name: version or run of a release; None: the last one of the environment.
    :param told: the release's record, if a file has it.
    """

    found: Registries
    name: str | None = None
    told: Record | None = field(default=None, repr=False)

    @property
    def target(self) -> Target:
        """The registry that is asked for the record and what is attested."""
        return self.told.targets[0] if self.told else self.found.targets[0]


def basis(root: Path, against: str | None, *, environment: str | None) -> Basis:
    """What `--against` names: an environment, a record's file, a version or a run; None: the last release.

    :param environment: whose registry is asked, unless `against` is an environment.
    :raises ConfigError: it is none of these; the configuration's problems; the file is no record, or of a release to
        somewhere else.
    """
    if against is not None and Path(against).is_file():
        told = _published(read_file(Path(against)), against)
        found = registries(root, environment or told.plan.environment, None)
        check_targets(told, found.targets)
        return Basis(found=found, told=told)
    found = registries(root, environment, None)
    if against in found.config.environments:
        return Basis(found=registries(root, against, None))
    if against is not None and not _NAME.fullmatch(against):
        raise ConfigError(
            f"{shown(against)} is no environment ({', '.join(found.config.environments)}), no file, and neither a"
            " version nor the id of a run",
            remedy="mend the name, as in --against prod, --against v1.2.3 or --against dist/release.json",
            step="delta",
        )
    return Basis(found=found, name=against)


def _published(record: Record, origin: str) -> Record:
    """:raises ConfigError: of it, no registry has anything to compare with."""
    if record.state != "published":
        raise ConfigError(
            f"{origin}: the run {record.id} has published nothing: its state is {record.state!r}",
            remedy="name the record of a release",
            step="delta",
        )
    return record


def compare(root: Path, out: Path, record: Record, against: Basis) -> Delta:
    """The run whose results are in a folder against a release.

    :raises ConfigError: the folder has not the reports of that run.
    :raises RegistryError: the registry does not answer, refuses, or has no such release.
    :raises SigningError: what is attested to the release does not verify.
    """

    async def ask() -> Mapping[str, Record]:
        return await _records(against, record)

    wanted = anyio.run(interruptible, ask)
    pairs = {one.name: digests(record, wanted.get(one.name), one.name) for one in record.plan.services if one.published}
    units = {unit: pair for found in pairs.values() for unit, pair in found.items()}
    after = {unit: here(out, record, unit) for unit, (old, new) in units.items() if new is not None and new != old}
    asked = [unit for unit, (old, _) in units.items() if old is not None and unit in after]
    before = _before(root, against, wanted, asked) if asked else {}
    services = [of_service(name, wanted.get(name), found, before, after) for name, found in pairs.items()]
    gone = [name for name in wanted if name not in against.found.config.services]
    services += [ServiceDelta(service=name, release=wanted[name].id, gone=True) for name in gone]
    return Delta(
        run=record.id,
        environment=against.found.settings.environment,
        registry=str(against.target),
        releases={one.release: wanted[one.service].plan.version for one in services if one.release},
        services=tuple(services),
    )


def _before(root: Path, against: Basis, wanted: Mapping[str, Record], asked: Sequence[Unit]) -> Mapping[Unit, Seen]:
    async def work(session: Session) -> Mapping[Unit, Seen]:
        return await released(session, against.target, wanted, asked)

    return on_targets("delta", root, against.found, (), work)


async def _records(against: Basis, record: Record) -> Mapping[str, Record]:
    """Service → the record of the release that it is compared with."""
    if against.told is not None:
        return dict.fromkeys(against.told.lot, against.told)
    async with against.found.clients([against.target]) as (client,):
        if against.name is None:
            own = [one.name for one in record.plan.services if one.published]
            return await latest(client, against.found.settings.environment, own, but=record.id)
        named = await record_at(client, against.name, against.found.settings.tag_prefix)
    if named is None:
        raise RegistryError(
            f"no release record {against.name} at {against.target}",
            remedy="name an environment, a version, the id of a run, or the file of a record",
            step="delta",
        )
    return dict.fromkeys(_published(named, against.name).lot, named)
