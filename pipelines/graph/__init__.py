"""Runs a plan. Concurrency, gate and order live here and nowhere else.

The order is the promise: everything of every service is examined, then judged once; then signed, attested and verified;
then recorded; then copied; and only when all copies are there do tags move.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio
import dagger

from pipelines import tools
from pipelines.errors import ConfigError, RegistryError
from pipelines.files import write_whole
from pipelines.graph.carry import carry
from pipelines.graph.context import Observer, Options, Persist, PublicSource, Run, SecretSource, Session, SignerSource
from pipelines.graph.look import look, to_carry
from pipelines.graph.quarantine import held
from pipelines.graph.records import check_claim, claim, keep
from pipelines.graph.reuse import lasting, remember
from pipelines.graph.seal import Lot, join, seal
from pipelines.graph.slots import Slots
from pipelines.graph.tagging import TagsFailed, move_tags
from pipelines.graph.units import Examination, examine
from pipelines.model import Database
from pipelines.plan import Plan
from pipelines.policy import judge, refusal
from pipelines.release import Release, ServiceRelease
from pipelines.report import summary
from pipelines.stages.toolbox import tool_references
from pipelines.tools import Tool

__all__ = [
    "Observer",
    "Options",
    "Outcome",
    "Persist",
    "PublicSource",
    "Run",
    "SecretSource",
    "Session",
    "SignerSource",
    "Slots",
    "check_options",
    "release",
    "reports_of",
    "write_reports",
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The record, and the folder of reports: `SERVICE/PLATFORM/{sbom.spdx.json,sbom.cdx.json,scan.json,scan.sarif}`."""

    release: Release
    reports: dagger.Directory

    async def write(self, out: Path) -> None:
        """Write `release.json`, `reports/` and `summary.txt` below `out`. Other files there are left alone."""
        folder = anyio.Path(out)
        await folder.mkdir(parents=True, exist_ok=True)
        await write_reports(self.reports, out)
        write_whole(out / "release.json", self.release.text())
        await (folder / "summary.txt").write_text(summary.text(self.release, out=str(out)), encoding="utf-8")


def check_options(plan: Plan, options: Options) -> None:
    """:raises ConfigError: the options ask for something that this plan must not have."""
    if not options.scan and not plan.rules.rehearsal:
        raise ConfigError(
            f"--no-scan is refused for {plan.registry}: what is not scanned does not leave the machine",
            remedy="run without --no-scan, or rehearse with --env local",
            step="options",
        )


async def release(run: Run) -> Outcome:
    """Run the whole graph. A refusal by the gate is an outcome, with its reports; a failure is raised.

    :raises SealiftError: what failed, and where; no public tag has moved unless the step is `tag`.
    """
    check_options(run.plan, run.options)
    for note in run.plan.notes:
        run.observer.say(note)
    async with held(run.toolbox):
        outcome = await _release(run)
    run.recorder.examined(outcome.release.units)
    if outcome.release.violations:
        run.recorder.refused(refusal(outcome.release.violations))
    return outcome


async def _release(run: Run) -> Outcome:
    examination = await examine(run)
    units = tuple(examination.examined.values())
    database = examination.found.database if examination.found else None
    record = Release(
        id=run.id,
        started=run.started,
        plan=run.plan,
        tools=await tool_references(run.toolbox.client, _used(database)),
        database=database,
        units=units,
        violations=judge(run.plan, units, database),
        public_key=(await run.signer()).public,
        keys=await lasting(run, examination.reuse),
    )
    reports = reports_of(run, examination)
    if record.violations:
        return Outcome(release=record.at("refused", finished=run.clock()), reports=reports)
    lot = await join(run, examination, record.keys)
    if run.options.push:
        record = await _publish(run, examination, lot, record)
    else:
        await seal(run, examination, list(lot.values()))
        services = {name: ServiceRelease(index=sealed.index) for name, sealed in lot.items()}
        record = record.at("signed", services=services, finished=run.clock())
        await run.persist(record.text())
    return Outcome(release=record, reports=reports)


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


def _used(database: Database | None) -> list[Tool]:
    """The tools of this run: nothing is compiled unless the sample database is made."""
    return [tool for tool in tools.ALL if tool is not tools.GO or (database is not None and database.sample)]


def reports_of(run: Run, examination: Examination) -> dagger.Directory:
    """The folder `SERVICE/PLATFORM/…` of what was described and scanned."""
    reports = run.toolbox.client.directory()
    for unit, described in examination.sboms.items():
        path = f"{unit.service}/{unit.platform.slug}"
        reports = reports.with_directory(path, described.files)
        if unit in examination.scans:
            reports = reports.with_directory(path, examination.scans[unit].files)
    return reports


async def write_reports(reports: dagger.Directory, out: Path) -> None:
    """Replace `out/reports` by these.

    :raises ConfigError: the folder cannot be written.
    """
    try:
        await reports.export(str(out.absolute() / "reports"), wipe=True)
    except dagger.QueryError as failure:
        raise ConfigError(
            f"the reports cannot be written to {out}: {failure}",
            remedy="name another folder with --out",
            step="reports",
        ) from failure
