"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipelines.graph.ask import Decision
from pipelines.graph.examination import Examination
from pipelines.plan import Plan, ServicePlan
from pipelines.record import Record
from pipelines.report.plain import COMMANDS

_TABLE_WIDTH = 140


def dump(value: Any) -> None:
    """JSON on standard output."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # JSON itself escapes those below a space only. These stand in strings, and nowhere else.
    click.echo(COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def write_plan(console: Console, plan: Plan, decided: Sequence[Decision] | None = None) -> None:
    """What would be built, under which tags, where it would go and why.

    :param decided: which services would be reused, if the registry was asked.
    """
    origin = plan.origins.get
    _row(console, "Environment", f"[bold]{plan.environment}[/] (from {origin('environment', 'default')})")
    first, *others = (f"[bold]{target.registry}[/]/{target.prefix}" for target in plan.targets)
    _row(console, "Registry", f"{first} (from {origin('registry', 'default')})")
    for other in others:
        _row(console, "and", other)
    changed = ", with changes that are not committed" if plan.dirty else ""
    own = ", ".join(f"{service.name} {service.version}" for service in plan.services if service.version)
    _row(console, "Commit", f"{plan.commit[:12]}{changed}; version {plan.version or own or 'none'}")
    gate = plan.rules
    fixed = " with a fix" if gate.only_fixed else ""
    database = f"database {escape(plan.database)}, at most {gate.max_database_age_hours} h old"
    _row(console, "Gate", f"{gate.severity.name} and above{fixed}; {database}")
    if plan.lock:
        names = f"{len(plan.lock.bases)} base(s) and {len(plan.lock.tools)} tool(s)"
        _row(console, "Lock", f"sealift.lock has the digests of {names}")
    for ignore in gate.ignores:
        about = f"[bold]{ignore.id}[/] in {escape(ignore.package)} until {ignore.expires}: {', '.join(ignore.services)}"
        _row(console, "Ignored", f"{about}; {escape(f'{ignore.reason} ({ignore.owner})')}")
    if console.width >= _TABLE_WIDTH:
        console.print(_plan_table(plan))
    else:
        _plan_blocks(console, plan)
    for tag, reason in _tags(plan):
        _row(console, "Tag", f"[bold]{tag}[/]  {escape(reason)}")
    for text in plan.notes:
        _row(console, "Note", escape(text))
    for item in decided or ():
        _row(console, "Reuse" if item.index else "Build", f"[bold]{item.service}[/]  {escape(item.why)}")
    if decided is None and plan.services:
        _row(console, "Reuse", "not asked: with --ask the registry says which of these it has already")
    console.print("Nothing was built. [dim]'sealift build-all' does it.[/]")


def _row(console: Console, label: str, text: str) -> None:
    """A label and a text beside it; on a terminal its lines stay beside the label, elsewhere it is one line."""
    if not console.file.isatty():
        console.print(f"{label:<11} {text}", highlight=False, soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, min_width=max(11, len(label)))
    grid.add_column(overflow="fold")
    grid.add_row(label, text)
    console.print(grid)


def _plan_table(plan: Plan) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("service", "platforms", "built from", "base", "goes to"):
        table.add_column(name, overflow="fold")
    for service in plan.services:
        source = f"{escape(str(service.context / service.dockerfile))}\n[dim]{_changed(service)}[/]"
        name = f"{service.name}\n[dim]{service.reason}[/]"
        base = _base(service).replace(", ", "\n")
        table.add_row(name, "\n".join(service.platforms), source, base, _goes_to(service))
    return table


def _plan_blocks(console: Console, plan: Plan) -> None:
    """The table's content for a terminal that is too narrow for it."""
    for service in plan.services:
        console.print(f"[bold]{service.name}[/]  [dim]{service.reason}[/]", highlight=False)
        for label, text in (
            ("built from", f"{escape(str(service.context / service.dockerfile))} [dim]({_changed(service)})[/]"),
            ("for", ", ".join(service.platforms)),
            ("on", _base(service)),
            ("goes to", _goes_to(service)),
        ):
            _row(console, f"  {label:<11}", text)


def _goes_to(service: ServicePlan) -> str:
    return str(service.repository) if service.published else "nowhere: it is examined, and stays on this machine"


def _changed(service: ServicePlan) -> str:
    return f"last changed by {service.revision.commit[:7]}" + (", and not committed" if service.dirty else "")


def _base(service: ServicePlan) -> str:
    """The base in words; one for each platform, in the order of the platforms, if they differ."""
    named = [
        f"image of {base}" if base in service.needs else escape(base or "scratch") for base in service.bases.values()
    ]
    return ", ".join(named if len(set(named)) > 1 else named[:1])


def _tags(plan: Plan) -> dict[tuple[str, str], None]:
    """Tags and their reasons, each once: most runs give every service the same."""
    return {(item.tag, item.reason): None for service in plan.services for item in service.tags}


def results(examination: Examination) -> list[dict[str, Any]]:
    """What a single stage found, by unit, as plain data."""
    rows = []
    for unit in examination.built:
        row: dict[str, Any] = {
            "service": unit.service,
            "platform": unit.platform,
            "digest": examination.digests[unit],
        }
        if unit in examination.sboms:
            row["packages"] = len(examination.sboms[unit].packages)
        if unit in examination.scans:
            found = (*examination.scans[unit].scan.findings, *examination.baked.get(unit, ()))
            row["findings"] = [
                {"id": item.id, "severity": item.severity.name, "package": item.package, "installed": item.installed,
                 "fixed": item.fixed, "kind": item.kind, "title": item.title}
                for item in sorted(found, key=lambda item: -item.severity)
            ]  # fmt: skip
        rows.append(row)
    return rows


def write_results(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The same for people."""
    table = Table("service", "platform", "digest", "found")
    for row in rows:
        found = f"{row['packages']} packages" if "packages" in row else ""
        if "findings" in row:
            found = "\n".join(f"{f['id']} {f['severity']} {f['package']} {f['installed']}" for f in row["findings"])
            found = found or "none"
        table.add_row(row["service"], row["platform"], row["digest"][:19], Text(found))
    console.print(table)


def write_released(console: Console, record: Record) -> None:
    """What a release's record says of its images and tags."""
    table = Table("service", "index", "tags")
    for name, released in record.found.items():
        for place in released.places:
            tags = ", ".join(f"{move.tag} (stays: {move.kept})" if move.kept else move.tag for move in place.tags)
            table.add_row(name, released.index.short, f"{place.target.repository(name)}: {tags}")
    console.print(table)
    console.print(f"Release {record.id}: {record.state}")
