"""`sealift shards`: the services of a release over several runners."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ci import options as opt
from ci.render_record import DEFAULT, record_of
from ci.run import planned
from ci.runner_option import MOST, check_jobs, runner_option
from ci.terminal import answers
from pipelines.config import Flags
from pipelines.errors import ConfigError
from pipelines.model import Platform, Unit
from pipelines.record import Record
from pipelines.shards import Shard, divide, divide_native, measured


@click.command("shards")
@opt.selection
@click.option(
    "--count", type=click.IntRange(1, MOST), required=True, metavar="N", help="Runners, 1 to 256; fewer may be used."
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Release record that says how long images took. [default: dist/release.json, if there is one]",
)
@click.option(
    "--run", metavar="ID", help="Instead: the record that the registry keeps, by run or version. Needs the engine."
)
@runner_option("With --json: each platform by itself, over N runners that have this label.")
@click.option("--json", "as_json", is_flag=True, help="Print a matrix for GitHub Actions, on one line.")
def shards_command(
    *,
    flags: Flags,
    root: Path,
    count: int,
    record: Path | None,
    run: str | None,
    runners: Mapping[Platform, str],
    as_json: bool,
) -> None:
    """Divide the services over N runners, by the time that each image took in an earlier release.

    Services that need each other stay together. Builds nothing. Without a record, all images count the same.
    """
    if runners and not as_json:
        raise click.UsageError("--runner is for a matrix: it needs --json")
    check_jobs(count, len(runners), "--count")
    plan = planned(root, flags).plan
    found = _record(record, run, flags, root)
    if found is not None and found.plan.project != plan.project:
        raise ConfigError(
            f"the record {found.id} is of the project {found.plan.project}, and this repository is {plan.project}",
            remedy="name a record of this project with --record or --run",
            step="record",
        )
    times = measured(found) if found else {}
    made = divide(plan, count, times)
    if as_json:
        entries = divide_native(plan, count, times, runners) if runners else made
        # On one line, for that is what a line of $GITHUB_OUTPUT takes.
        click.echo(json.dumps({"include": [entry.as_json() for entry in entries]}))
        return
    units = [Unit(service=one.name, platform=platform) for one in plan.services for platform in one.platforms]
    _write(answers(), made, count, found, {unit: times[unit] for unit in units if unit in times}, len(units))


def _record(path: Path | None, run: str | None, flags: Flags, root: Path) -> Record | None:
    if path and run:
        raise ConfigError("--record and --run name two records", remedy="give one of them", step="record")
    here = root / DEFAULT
    if path is None and run is None and not here.exists():
        return None
    return record_of(path or here, run, flags.env, root)


def _write(
    console: Console, made: Sequence[Shard], count: int, record: Record | None, times: Mapping[Unit, float], units: int
) -> None:
    table = Table("shard", "services")
    table.add_column("s", justify="right")
    for shard in made:
        table.add_row(shard.name, " ".join(shard.services), "" if shard.seconds is None else f"{shard.seconds:.0f}")
    console.print(table)
    if record is None:
        console.print("Nothing was measured: there is no record, and every image counts the same.", soft_wrap=True)
    else:
        console.print(f"Measured by {record.id}: {len(times)} of {units} images; the others count as their mean.")
    if len(made) < count:
        console.print(f"{count - len(made)} of {count} runners would have nothing to do: services that need each other")
        console.print("stay together, and there are no more groups.")
