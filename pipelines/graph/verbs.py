"""Single stages by themselves: what `build`, `scan`, `sbom` and `verify` run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagger

from pipelines.errors import RegistryError, SigningError
from pipelines.findings import stops
from pipelines.graph.baked import search
from pipelines.graph.context import Run
from pipelines.graph.proof import subjects
from pipelines.graph.quarantine import held, start
from pipelines.graph.together import Job, together
from pipelines.graph.units import Examination, begin, build_one, describe, kept, look_up, scan_one
from pipelines.model import VERSION, Digest, Platform, Sealed, Unit
from pipelines.plan import ServicePlan
from pipelines.predicates import announced, unknown
from pipelines.registry import remote
from pipelines.stages.verify import verifies


async def only(run: Run, *, scans: bool = False, sboms: bool = False, export: Path | None = None) -> Examination:
    """Build every unit into the quarantine and, as asked, describe, scan or export it; nothing is published.

    :param export: folder that receives each image as `SERVICE-OS-ARCH.tar`, an OCI archive.

    :raises SealiftError: what failed.
    """
    examination = begin(run.plan)

    async def one(unit: Unit) -> None:
        await build_one(run, examination, unit)
        if export is not None:
            container = await kept(run, examination, unit)
            await container.export(str(export.absolute() / f"{unit.service}-{unit.platform.slug}.tar"))
        if sboms:
            await describe(run, examination, unit)
        if scans:
            searching = partial(search, run, unit, examination.digests[unit], examination.baked)
            await together([partial(scan_one, run, examination, unit), searching])

    async with held(run.toolbox):
        jobs: list[Job] = [partial(start, run.toolbox)]
        if scans:
            jobs.append(partial(look_up, run, examination))
        await together([*jobs, *(partial(one, unit) for unit in examination.built)])
    return examination


async def containers(run: Run) -> dict[Unit, dagger.Container]:
    """Build every unit; the containers, as the quarantine holds them."""
    examination = begin(run.plan)
    found: dict[Unit, dagger.Container] = {}

    async def one(unit: Unit) -> None:
        await build_one(run, examination, unit)
        found[unit] = await kept(run, examination, unit)

    async with held(run.toolbox):
        await together([partial(start, run.toolbox), *(partial(one, unit) for unit in examination.built)])
    return found


async def scan(run: Run) -> tuple[Examination, bool]:
    """Build and scan every unit; whether a finding would stop a release."""
    examination = await only(run, scans=True)
    refused = any(
        stops(unit.service, finding, run.plan.rules)
        for unit, scanned in examination.scans.items()
        for finding in (*scanned.scan.findings, *examination.baked.get(unit, ()))
    )
    return examination, refused


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One service's image at the target: its index, its platforms, and that all of it verified."""

    service: str
    reference: str
    index: Digest
    platforms: Mapping[Platform, Digest]

    def as_json(self) -> dict[str, Any]:
        """For `verify --json`."""
        return {
            "service": self.service,
            "reference": self.reference,
            "index": self.index,
            "platforms": dict(self.platforms),
        }


async def verify(run: Run) -> Sequence[Verified]:
    """Verify, at the target, the first tag of each service: signatures of index and platforms, and what is attested.

    :raises RegistryError: there is no such tag, or it lacks a platform of the plan.
    :raises SigningError: something does not verify.
    """
    found: dict[str, Verified] = {}

    async def one(service: ServicePlan) -> None:
        async with run.step("verify", service.name) as note:
            found[service.name] = await _verify(run, service)
            note.text = found[service.name].index.short

    async with held(run.toolbox):
        await together([partial(start, run.toolbox), *(partial(one, service) for service in run.plan.published)])
    return [found[service.name] for service in run.plan.published]


async def _verify(run: Run, service: ServicePlan) -> Verified:
    where = {"service": service.name, "step": "verify"}
    tag = service.tags[0].tag
    target = run.plan.targets[0]
    reference = service.repository.tagged(tag)
    digest = await remote.current(run.registries(target), service.name, tag)
    if digest is None:
        raise RegistryError(f"{reference} does not exist", remedy="publish it first, or name another --tag", **where)
    children = await remote.platforms(run.registries(target), service.name, digest)
    missing = [platform for platform in service.platforms if platform not in children]
    if missing:
        raise RegistryError(
            f"{reference} has no image for {', '.join(missing)}", remedy="publish it with all platforms", **where
        )
    address = run.toolbox.at(target, service.name)
    trust = await run.trust()
    said = await remote.annotated(run.registries(target), service.name, digest)
    attested = announced(said, rehearsal=run.plan.rules.rehearsal)
    sealed = Sealed(
        service=service.name, index=digest, platforms=children, version=said.get(VERSION), attested=attested
    )
    parties = trust.parties([sealed])
    for kind in (None, *sealed.attested):
        objection = unknown(sealed.attested) or await verifies(
            run.toolbox, trust, parties, [f"{address}@{one}" for one in subjects(sealed, kind)], kind=kind, outward=True
        )
        if objection:
            raise SigningError(
                f"{reference}: {kind or 'signature'}: {objection}",
                remedy="do not use this image; it was not signed with this key or identity, or it was changed",
                **where,
            )
    return Verified(service=service.name, reference=reference, index=digest, platforms=children)
