"""The `sealift` command. Each command collects its options and calls what the Dagger module calls too."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from ci import options as opt
from ci.build_all_command import build_all_command
from ci.delta_command import delta_command
from ci.ending import run
from ci.init_command import init
from ci.local_commands import local_commands
from ci.lock_command import lock_command
from ci.output import dump, results, write_plan, write_results
from ci.partial_commands import DEFAULT, assemble_command, built
from ci.promote_commands import promote_commands
from ci.rebuild_command import rebuild_command
from ci.registry_commands import registry_group
from ci.release_commands import release
from ci.released import released
from ci.render_commands import render
from ci.reproduce_command import reproduce_command
from ci.rescan_command import rescan_command
from ci.run import execute, planned
from ci.shards_command import shards_command
from ci.terminal import answers
from ci.trace_command import trace_command
from ci.verify_command import verify_command
from pipelines import graph
from pipelines.config import Flags
from pipelines.errors import ExitCode
from pipelines.graph import Options, Run, verbs
from pipelines.graph.ask import asked


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="sealift")
def cli() -> None:
    """Build, scan, describe, sign and publish all images of a repository, as one graph.

    Nothing leaves the machine, and no public tag moves, until every image of the release has passed everything.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 configuration, 4 refused by the gate, 5 registry, 6 tool, 7 engine,
    8 build, 9 boot, 10 signing, 130 interrupted.
    """


@cli.command()
@opt.selection
@opt.as_json
@click.option("--ask", is_flag=True, help="Ask the registry which images would be reused. Needs the engine.")
@click.option("--no-scan", is_flag=True, help="With --ask: as 'build-all --no-scan' would decide.")
def plan(flags: Flags, root: Path, as_json: bool, ask: bool, no_scan: bool) -> None:
    """Show what would be built, under which tags, where it would go and why. Builds nothing."""
    prepared = planned(root, flags)
    options = Options(scan=not no_scan)
    decided = execute("plan", root, flags, asked, options=options) if ask and prepared.plan.services else None
    if as_json:
        dump(prepared.plan.as_json() | ({"reuse": [item.as_json() for item in decided]} if decided is not None else {}))
    else:
        write_plan(answers(), prepared.plan, decided)


@cli.command()
@opt.selection
@opt.no_cache
@opt.as_json
@click.option("--export", type=click.Path(file_okay=False, path_type=Path), help="Write each image as an OCI archive.")
@click.option(
    "--partial", is_flag=False, flag_value=str(DEFAULT), type=click.Path(file_okay=False, path_type=Path),
    metavar="[DIRECTORY]",
    help=f"Boot them too, and write what 'assemble' needs on another machine. [default directory: {DEFAULT}]",
)  # fmt: skip
def build(flags: Flags, root: Path, no_cache: bool, as_json: bool, export: Path | None, partial: Path | None) -> None:
    """Build into the quarantine and print the digests. Nothing leaves."""
    if export and partial:
        raise click.UsageError("--partial writes the archives that --export writes: give one of them")

    async def work(run: Run) -> list[dict[str, object]]:
        if partial:
            return results(await built(run, root.resolve(), partial))
        return results(await verbs.only(run, export=export))

    flags = replace(flags, part=partial is not None)
    _show(execute("build", root, flags, work, options=Options(push=False, no_cache=no_cache)), as_json)


@cli.command()
@opt.selection
@opt.as_json
def scan(flags: Flags, root: Path, as_json: bool) -> None:
    """Build and scan. Exit code 4 if a finding would stop a release."""

    async def work(run: Run) -> tuple[list[dict[str, object]], bool]:
        examination, refused = await verbs.scan(run)
        return results(examination), refused

    rows, refused = execute("scan", root, flags, work, options=Options(push=False))
    _show(rows, as_json)
    if refused:
        sys.exit(ExitCode.GATE)


@cli.command()
@opt.selection
@opt.out
@opt.as_json
def sbom(flags: Flags, root: Path, out: Path, as_json: bool) -> None:
    """Build, and write each image's SPDX and CycloneDX documents below --out."""

    async def work(run: Run) -> list[dict[str, object]]:
        examination = await verbs.only(run, sboms=True)
        await graph.write_reports(graph.reports_of(run, examination), out)
        return results(examination)

    _show(execute("sbom", root, flags, work, options=Options(push=False)), as_json)


@cli.command()
@opt.selection
@opt.out
@opt.as_json
def publish(flags: Flags, root: Path, out: Path, as_json: bool) -> None:
    """Publish the selected services: build-all, with every check, under the name of its last step."""
    released("publish", flags, root, out, as_json=as_json, options=Options())


def _show(rows: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        dump(rows)
    else:
        write_results(answers(), rows)


_SINGLE = (
    build_all_command,
    init,
    lock_command,
    trace_command,
    release,
    registry_group,
    render,
    rebuild_command,
    reproduce_command,
    verify_command,
    rescan_command,
    delta_command,
    shards_command,
    assemble_command,
)
for command in (*local_commands, *promote_commands, *_SINGLE):
    cli.add_command(command)


def main() -> None:
    """Run the command that the arguments name."""
    run(cli)
