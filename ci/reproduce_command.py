"""`sealift reproduce`: services are built twice without caches, and their images compared."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ci import options as opt
from ci.output import dump
from ci.run import execute
from ci.terminal import answers
from pipelines.config import Flags
from pipelines.errors import ExitCode
from pipelines.graph import Options
from pipelines.graph.reproduce import Reproduced, reproduce


@click.command("reproduce")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only this platform. Repeatable.")
@click.option("--jobs", type=int, metavar="N", help="Stages that run at once. [default: 4]")
@opt.root
@opt.as_json
def reproduce_command(
    services: tuple[str, ...], platforms: tuple[str, ...], jobs: int | None, root: Path, as_json: bool
) -> None:
    """Build services twice without caches, and compare the images. Default: every service.

    Exit code 0 if the digests are the same, 1 if not; then the first file that differs is named for each layer. What a
    service is built on is built twice too. Every step runs again, and cache mounts are empty; the user's caches stay.
    Nothing is published.
    """
    found = execute(
        "reproduce",
        root,
        Flags(services=services, platforms=platforms, jobs=jobs),
        reproduce,
        options=Options(push=False, reuse=False),
    )
    same = all(one.same for one in found)
    if as_json:
        dump({"same": same, "images": [one.as_json() for one in found]})
    else:
        _write(answers(), found)
    if not same:
        sys.exit(ExitCode.FAILED)


def _write(console: Console, found: Sequence[Reproduced]) -> None:
    table = Table("service", "platform", "first build", "second build", "")
    for one in found:
        first, second = (digest.short for digest in one.digests)
        verdict = "[green]same[/]" if one.same else "[bold red]different[/]"
        table.add_row(one.unit.service, one.unit.platform, first, second, verdict)
    console.print(table)
    different = [one for one in found if not one.same]
    for one in different:
        console.print(f"[bold]{one.unit}[/]", highlight=False)
        for line in one.told.differences:
            console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    console.print(
        f"DIFFERENT: {len(different)} of {len(found)} images." if different else f"THE SAME: all {len(found)} images."
    )
