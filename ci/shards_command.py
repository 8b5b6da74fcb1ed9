"""`sealift shards`: the services of a release over several runners."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio
import click
from rich.console import Console
from rich.table import Table

from ci import options as opt
from ci.registry_ground import Registries, registries_by
from ci.render_record import DEFAULT, record_of
from ci.run import planned
from ci.runner_option import MOST, check_jobs, runner_option
from ci.terminal import answers
from pipelines.config import Flags
from pipelines.errors import ConfigError
from pipelines.model import Platform, Unit
from pipelines.record import Record, read
from pipelines.registry import records
from pipelines.shards import Shard, divide, divide_native, measured

_LAST = 10
"""Records that are read: an image that none of them built anew is one that no runner waits for."""


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
@click.option(
    "--released",
    is_flag=True,
    help="Instead: the last records that the environment's registry keeps, as far as there are any. Needs no engine.",
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
    released: bool,
    runners: Mapping[Platform, str],
    as_json: bool,
) -> None:  # fmt: skip
    """Divide the services over N runners, by the time that each image took in an earlier release.

    Services that need each other stay together. Builds nothing. Without a record, all images count the same.
    """
    if runners and not as_json:
        raise click.UsageError("--runner is for a matrix: it needs --json")
    check_jobs(count, len(runners), "--count")
    plan = planned(root, flags).plan
    found = _records(record, run, released, flags, root)
    for other in (one for one in found if one.plan.project != plan.project):
        raise ConfigError(
            f"the record {other.id} is of the project {other.plan.project}, and this repository is {plan.project}",
            remedy="name a record of this project with --record or --run",
            step="record",
        )
    # What a release reused has its time from the one before.
    times = dict(ChainMap(*(measured(one) for one in found)))
    made = divide(plan, count, times)
    if as_json:
        entries = divide_native(plan, count, times, runners) if runners else made
        # On one line, for that is what a line of $GITHUB_OUTPUT takes.
        click.echo(json.dumps({"include": [entry.as_json() for entry in entries]}))
        return
    units = [Unit(service=one.name, platform=platform) for one in plan.services for platform in one.platforms]
    _write(answers(), made, count, found, {unit: times[unit] for unit in units if unit in times}, len(units))


def _records(path: Path | None, run: str | None, released: bool, flags: Flags, root: Path) -> list[Record]:
    """Those that times are taken from, the one that counts most first."""
    if (path is not None) + (run is not None) + released > 1:
        raise ConfigError(
            "--record, --run and --released name different records", remedy="give one of them", step="record"
        )
    if released:
        return anyio.run(_last, registries_by(root, flags))
    here = root / DEFAULT
    if path is None and run is None and not here.exists():
        return []
    return [record_of(path or here, run, flags.env, root)]


async def _last(found: Registries) -> list[Record]:
    (target, *_) = found.settings.targets
    async with found.clients([target]) as (client,):
        return [read(text, f"the record {name} at {target}") async for name, text in records.latest(client, _LAST)]


def _write(
    console: Console,
    made: Sequence[Shard],
    count: int,
    found: Sequence[Record],
    times: Mapping[Unit, float],
    units: int,
) -> None:
    table = Table("shard", "services")
    table.add_column("s", justify="right")
    for shard in made:
        table.add_row(shard.name, " ".join(shard.services), "" if shard.seconds is None else f"{shard.seconds:.0f}")
    console.print(table)
    if not found:
        console.print("Nothing was measured: there is no record, and every image counts the same.", soft_wrap=True)
    else:
        others = f" and {len(found) - 1} before it" if len(found) > 1 else ""
        console.print(
            f"Measured by {found[0].id}{others}: {len(times)} of {units} images; the others count as their mean."
        )
    if len(made) < count:
        console.print(f"{count - len(made)} of {count} runners would have nothing to do: services that need each other")
        console.print("stay together, and there are no more groups.")
