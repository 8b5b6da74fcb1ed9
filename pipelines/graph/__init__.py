"""Runs a plan. Concurrency, gate and order live here and nowhere else.

The order is the promise: everything of every service is examined, then judged once; then signed, attested and verified;
then recorded; then copied; and only when all copies are there do tags move.
"""

from __future__ import annotations

from pathlib import Path

import anyio
import dagger

from pipelines.errors import ConfigError, RegistryError
from pipelines.graph.carry import carry
from pipelines.graph.context import Observer, Options, Persist, Run, SecretSource, Session, SignerSource, TrustSource
from pipelines.graph.examination import Examination
from pipelines.graph.look import look, to_carry
from pipelines.graph.quarantine import held
from pipelines.graph.records import check_claim, claim, keep
from pipelines.graph.reuse import lasting, remember
from pipelines.graph.seal import Lot, join, seal
from pipelines.graph.slots import Slots
from pipelines.graph.tagging import TagsFailed, move_tags
from pipelines.graph.units import examine
from pipelines.plan import Plan
from pipelines.policy import judge, refusal
from pipelines.release import Release, ServiceRelease
from pipelines.stages.failures import ENGINE_FAILURES, lost
from pipelines.stages.inspect import contents

__all__ = [
    "Observer",
    "Options",
    "Persist",
    "Run",
    "SecretSource",
    "Session",
    "SignerSource",
    "Slots",
    "TrustSource",
    "check_options",
    "release",
    "reports_of",
    "write_reports",
]


def check_options(plan: Plan, options: Options) -> None:
    """:raises ConfigError: the options ask for something that this plan must not have."""
    if not options.scan and not plan.rules.rehearsal:
        raise ConfigError(
            f"--no-scan is refused for {plan.registry}: what is not scanned does not leave the machine",
            remedy="run without --no-scan, or rehearse with --env local",
            step="options",
        )


async def release(run: Run, out: Path) -> Release:
    """Run the whole graph; its record, which `run.persist` is given too. A refusal by the gate is a record as well.

    :param out: receives `reports/`, before anything leaves the machine: from when tags move, nothing needs the engine.
    :raises SealiftError: what failed, and where; no public tag has moved unless the step is `tag`.
    """
    check_options(run.plan, run.options)
    for note in run.plan.notes:
        run.observer.say(note)
    async with held(run.toolbox):
        record = await _release(run, out)
    if record.violations:
        run.recorder.refused(refusal(record.violations))
    return record


async def _release(run: Run, out: Path) -> Release:
    examination = await examine(run)
    units = tuple(examination.examined.values())
    database = examination.found.database if examination.found else None
    record = Release(
        id=run.id,
        started=run.started,
        plan=run.plan,
        tools=examination.tools,
        database=database,
        units=units,
        violations=judge(run.plan, units, database),
        public_key=(await run.trust()).public,
        keys=await lasting(run, examination.reuse),
    )
    run.recorder.examined(record.units)
    await write_reports(reports_of(run, examination), out)
    if record.violations:
        record = record.at("refused", finished=run.clock())
    else:
        lot = await join(run, examination, record.keys)
        if run.options.push:
            return await _publish(run, examination, lot, record)
        await seal(run, examination, list(lot.values()))
        services = {name: ServiceRelease(index=sealed.index, attested=sealed.attested) for name, sealed in lot.items()}
        record = record.at("signed", services=services, finished=run.clock())
    await run.persist(record.text())
    return record


async def _publish(run: Run, examination: Examination, lot: Lot, record: Release) -> Release:
    """Seal, record, carry, and move tags, in this order: each for all services and targets before the next begins."""
    wanted = [service.wanted for service in run.plan.published]
    found = await look(run, lot, wanted, run.plan.targets, prefix=run.plan.tag_prefix)
    reused = examination.reuse.sealed if examination.reuse else {}
    loads = await to_carry(run, lot, found, verified=reused)
    carried = [sealed for sealed in lot.values() if any(sealed in load for load in loads.values())]
    await seal(run, examination, carried)
    record = record.at("recorded", services=found)
    await run.persist(record.text())
    new = bool(carried) or any(move.before != move.after for move in record.moves)
    first, versions = run.plan.targets[0], record.tags[1:]
    if new:
        await claim(run, first, record.text(), versions)
    await carry(run, examination, loads)
    if new:
        await keep(run, run.plan.targets, record.text(), record.tags[:1])
        await check_claim(run, first, record.id, versions)
    await run.persist(record.at("moving").text())
    try:
        moved = await move_tags(run, found, move_back=run.plan.move_back)
    except TagsFailed as failure:
        state = "undone" if failure.undone else "moving"
        await run.persist(record.at(state, services=failure.found).text())
        raise
    record = record.at("published", services=moved, finished=run.clock())
    await run.persist(record.text())
    named = examination.reuse.named & set(reused) if examination.reuse else ()
    await remember(run, {name: one.index for name, one in lot.items() if name not in named}, record.keys, first)
    if new:
        try:
            await keep(run, run.plan.targets, record.text(), record.tags)
        except RegistryError as failure:
            failure.what = f"the release is published, but its record could not be kept there: {failure.what}"
            failure.remedy = f"{failure.remedy}; then 'sealift release resume' keeps the record"
            raise
    return record


def reports_of(run: Run, examination: Examination) -> dagger.Directory:
    """The folder `SERVICE/PLATFORM/…` of what was described and scanned, and the manifests of what was examined."""
    reports = run.toolbox.client.directory()
    for unit, described in examination.sboms.items():
        path = f"{unit.service}/{unit.platform.slug}"
        reports = reports.with_directory(path, described.files)
        if unit in examination.scans:
            reports = reports.with_directory(path, examination.scans[unit].files)
        if unit in examination.examined:
            reports = reports.with_directory(path, contents(run.toolbox, unit, examination.digests[unit]))
    return reports


async def write_reports(reports: dagger.Directory, out: Path) -> None:
    """Replace `out/reports` by these: `SERVICE/PLATFORM/{sbom.spdx.json,sbom.cdx.json,scan.json,scan.sarif,…}`.

    :raises ConfigError: the folder cannot be written.
    :raises EngineError: the engine was lost.
    """
    await anyio.Path(out).mkdir(parents=True, exist_ok=True)
    try:
        await reports.export(str(out.absolute() / "reports"), wipe=True)
    except dagger.QueryError as failure:
        raise ConfigError(
            f"the reports cannot be written to {out}: {failure}",
            remedy="name another folder with --out",
            step="reports",
        ) from failure
    except ENGINE_FAILURES as failure:
        raise lost(failure, step="reports") from failure
