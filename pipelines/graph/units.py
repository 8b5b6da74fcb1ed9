"""Build, boot, describe and scan every unit, each by the digest that the quarantine gave it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import dagger

from pipelines import tools
from pipelines.graph.baked import search
from pipelines.graph.context import Run
from pipelines.graph.examination import Examination, begin
from pipelines.graph.pins import pins_of
from pipelines.graph.prepare import advisories_for, ready
from pipelines.graph.quarantine import start
from pipelines.graph.reuse import Reuse, decide
from pipelines.graph.together import Job, together
from pipelines.model import Digest, Examined, Image, Unit
from pipelines.stages.archive import put
from pipelines.stages.boot import Booted, boot
from pipelines.stages.build import base_of, build, by_digest, quarantine, steps
from pipelines.stages.inspect import inspect
from pipelines.stages.layers import made_at, normalise
from pipelines.stages.sbom import sbom
from pipelines.stages.scan import scan
from pipelines.stages.toolbox import tool_references


async def examine(run: Run) -> Examination:
    """Examine all units of the plan at once, within the run's bound, as soon as the run is ready for them.

    :raises SealiftError: what failed; nothing has left the quarantine.
    """
    examination = begin(run.plan)
    examination.reuse = reuse = Reuse.of(run.plan)

    async def units() -> None:
        await ready(run)
        jobs = (partial(_unit, run, examination, unit) for unit in examination.built)
        await together([partial(start, run.toolbox), partial(decide, run, reuse), *jobs])

    await together([units, *([partial(look_up, run, examination)] if run.options.scan else [])])
    # Nothing is compiled unless the sample database is made.
    sample = examination.found is not None and examination.found.database.sample
    used = (tool for tool in tools.ALL if tool is not tools.GO or sample)
    examination.tools = await tool_references(run.toolbox, used)
    return examination


async def look_up(run: Run, examination: Examination) -> None:
    """Get the advisory database while units are built; scans wait for it, and without one the run ends."""
    examination.found = await advisories_for(run)
    examination.looked.set()


async def build_one(run: Run, examination: Examination, unit: Unit) -> None:
    """Build a unit and put it into the quarantine; from then on it is spoken of by its digest only.

    What is reused is there already; what another run has built is put there.
    """
    service = run.plan.service(unit.service)
    if reused := await _reused(examination, unit):
        examination.digests[unit] = reused
        examination.built[unit].set()
        return
    if given := run.given.get(unit):
        async with run.step("import", unit) as note:
            await put(run.toolbox, unit, given.digest, given.archive)
            note.text, note.digest = given.digest.short, given.digest
        examination.digests[unit] = given.digest
        examination.built[unit].set()
        return
    bases: dict[str, Digest] = {}
    for need in service.needs:
        base = Unit(service=need, platform=unit.platform)
        await examination.built[base].wait()
        bases[need] = examination.digests[base]
    async with run.step("build", unit, shared=f"build {service.name}") as note:
        for need, digest in bases.items():
            await by_digest(run.toolbox, Unit(service=need, platform=unit.platform), digest)
        pins = await pins_of(run, service)
        container = await build(
            run.toolbox,
            run.source,
            service,
            unit.platform,
            bases=bases,
            pins=pins,
            secrets=await run.build_secrets(service.secrets),
            no_cache=run.options.no_cache,
            caches=f"{run.plan.environment}/{run.plan.project}/{run.options.caches}",
        )
        digest = await normalise(
            run.toolbox,
            unit,
            await quarantine(run.toolbox, container, unit),
            base=base_of(run.toolbox, service, unit.platform, bases, pins),
            created=made_at(service),
            steps=await steps(run.source, service, unit.platform),
        )
        note.text, note.digest = digest.short, digest
    examination.digests[unit] = digest
    examination.built[unit].set()


async def _reused(examination: Examination, unit: Unit) -> Digest | None:
    """The unit's digest, if its service is not built; waits until that is decided."""
    if examination.reuse is None:
        return None
    await examination.reuse.decided[unit.service].wait()
    sealed = examination.reuse.sealed.get(unit.service)
    return sealed.platforms[unit.platform] if sealed else None


def _from(run: Run, examination: Examination, unit: Unit) -> str | None:
    """The repository that the unit was fetched from, if it was not built."""
    if not examination.reuses(unit.service):
        return None
    return str(run.plan.targets[0].repository(unit.service))


async def kept(run: Run, examination: Examination, unit: Unit) -> dagger.Container:
    """The unit's container, as the quarantine gives it back."""
    return await by_digest(run.toolbox, unit, examination.digests[unit])


async def _unit(run: Run, examination: Examination, unit: Unit) -> None:
    began = time.monotonic()
    await build_one(run, examination, unit)
    digest = examination.digests[unit]
    service = run.plan.service(unit.service)
    images: list[Image] = []
    boots: list[Booted] = []

    async def inspected() -> None:
        images.append(await inspect(run.toolbox, unit, digest))

    jobs: list[Job] = [inspected, partial(describe, run, examination, unit)]
    reused = _from(run, examination, unit)
    given = run.given.get(unit) if reused is None else None
    # What is reused was searched and booted before it was signed, and in the same way: that is in its key. What another
    # run has built it has searched and booted too, on the platform itself.
    if reused is None and given is None:
        jobs.append(partial(search, run, unit, digest, examination.baked))
        if service.boot is not None:
            jobs.append(partial(boot_one, run, examination, unit, boots))
    if run.options.scan:
        jobs.append(partial(scan_one, run, examination, unit))
    await together(jobs)
    scanned = examination.scans.get(unit)
    times = [scanned.scan.created] if scanned else [booted.at for booted in boots]
    examined = Examined(
        image=images[0],
        boot_ms=boots[0].ms if boots else None,
        packages=examination.sboms[unit].packages,
        scan=scanned.scan if scanned else None,
        # An answer from before this run is about a digest that an earlier run built: nothing new was made.
        cached=reused is not None or (bool(times) and max(times) < run.started),
        seconds=time.monotonic() - began,
        reused=reused,
        baked=examination.baked.get(unit, ()),
    )
    if given is not None:
        examined = replace(
            examined, boot_ms=given.boot_ms, seconds=given.seconds, baked=given.baked, made_by=given.made_by
        )
    examination.examined[unit] = examined


async def boot_one(run: Run, examination: Examination, unit: Unit, out: list[Booted]) -> None:
    """Boot the unit, which has a health check."""
    check = run.plan.service(unit.service).boot
    assert check is not None  # noqa: S101 - the caller looked
    async with run.step("boot", unit) as note:
        container = await kept(run, examination, unit)
        out.append(await boot(run.toolbox, unit, examination.digests[unit], container, check))
        note.text = f"healthy after {out[0].ms} ms"


async def describe(run: Run, examination: Examination, unit: Unit) -> None:
    """Make the unit's SBOMs."""
    async with run.step("sbom", unit) as note:
        described = await sbom(run.toolbox, unit, examination.digests[unit])
        examination.sboms[unit] = described
        note.text = f"{len(described.packages)} packages"


async def scan_one(run: Run, examination: Examination, unit: Unit) -> None:
    """Scan the unit with the run's database, when that is there."""
    await examination.looked.wait()
    assert examination.found is not None  # noqa: S101 - that is what the event says
    async with run.step("scan", unit) as note:
        scanned = await scan(run.toolbox, unit, examination.digests[unit], examination.found.folder, run.plan.rules.vex)
        examination.scans[unit] = scanned
        count = len(scanned.scan.findings)
        note.text = "no finding" if count == 0 else f"{count} finding{'s' if count > 1 else ''}"
