"""Single stages by themselves: what `build`, `scan` and `sbom` run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import dagger

from pipelines.errors import GateFailed
from pipelines.findings import stops
from pipelines.graph.baked import search
from pipelines.graph.context import Run
from pipelines.graph.examination import Examination, begin
from pipelines.graph.quarantine import held, start
from pipelines.graph.together import Job, together
from pipelines.graph.units import build_one, describe, kept, look_up, scan_one
from pipelines.model import Digest, Unit
from pipelines.stages.archive import archive, file_name
from pipelines.stages.toolbox import QUARANTINED


async def only(run: Run, *, scans: bool = False, sboms: bool = False, export: Path | None = None) -> Examination:
    """Build every unit into the quarantine and, as asked, describe, scan or export it; nothing is published.

    :param export: folder that receives each image as `SERVICE-OS-ARCH.tar`, an OCI archive.

    :raises SealiftError: what failed.
    """
    examination = begin(run.plan)

    async def one(unit: Unit) -> None:
        await build_one(run, examination, unit)
        if export is not None:
            await write_archive(run, unit, examination.digests[unit], export)
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


async def write_archive(run: Run, unit: Unit, digest: Digest, folder: Path) -> None:
    """Write the archive: the quarantine's own bytes. An engine's would be of another digest."""
    name = f"{unit.service}:{digest.short}"
    async with run.step("export", unit):
        file = await archive(run.toolbox, QUARANTINED, unit.service, digest, platform=None, name=name)
        await file.export(str(folder.absolute() / file_name(unit)))


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
    if refused:
        run.recorder.refused(
            GateFailed("a finding would stop a release", remedy="see what the scan printed", step="scan")
        )
    return examination, refused
