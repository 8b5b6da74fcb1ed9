"""`sealift build --partial`, and `sealift assemble`: one release, built on several runners."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import anyio
import click

from ci import options as opt
from ci.invocation import invocation
from ci.released import released
from ci.run import planned, variables
from pipelines.assembling import Wanted, inputs_of, joined, load
from pipelines.config import Flags
from pipelines.config.bases import run_as
from pipelines.errors import ConfigError
from pipelines.graph import Options, Run, partials
from pipelines.graph.examination import Examination
from pipelines.model import Unit
from pipelines.partial import FILE, Part
from pipelines.plan import Plan

DEFAULT = Path("dist/partial")
_DIGEST = re.compile(r"[0-9a-f]{64}")


async def built(run: Run, root: Path, folder: Path) -> Examination:
    """Build, boot and search everything of the run's plan, and write it to a folder as a partial."""

    async def inputs(plan: Plan) -> Mapping[Unit, str]:
        return await anyio.to_thread.run_sync(inputs_of, root, plan)

    folder.mkdir(parents=True, exist_ok=True)
    return await partials.write(run, folder, partial(inputs, run.plan))


def _digests(_: click.Context, __: click.Parameter, value: str | None) -> frozenset[str] | None:
    if value is None:
        return None
    found = value.split()
    if not found or not all(_DIGEST.fullmatch(one) for one in found):
        raise click.BadParameter("expected SHA-256 digests, 64 hexadecimal digits each, separated by spaces")
    return frozenset(found)


@click.command("assemble")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIRECTORY")
@opt.selection
@opt.out
@opt.as_json
@opt.no_push
@opt.no_scan
@opt.delta
@click.option(
    "--documents",
    callback=_digests,
    metavar="SHA256...",
    help=f"Take exactly the partials whose {FILE} has one of these digests, separated by spaces.",
)
@click.option("--own-tools", is_flag=True, help="Refuse a configuration that names other tools than Sealift's own.")
def assemble_command(
    *,
    folder: Path,
    flags: Flags,
    root: Path,
    out: Path,
    as_json: bool,
    no_push: bool,
    no_scan: bool,
    delta: str | None,
    documents: frozenset[str] | None,
    own_tools: bool,
) -> None:
    """Release what other runs have built, as build-all does: describe, scan, sign and publish.

    DIRECTORY has, at any depth, the folders that 'sealift build --partial' wrote: all services on all platforms between
    them, of this commit and with these options. Nothing is built, and nothing is booted twice.
    """
    parts = parts_in(folder, flags, root, documents=documents, own_tools=own_tools)
    options = Options(push=not no_push, scan=not no_scan)
    released("assemble", flags, root, out, as_json=as_json, options=options, delta=delta, parts=parts)


def parts_in(
    folder: Path, flags: Flags, root: Path, *, documents: frozenset[str] | None = None, own_tools: bool = False
) -> Mapping[Unit, Part]:
    """The images of the partials below a folder, which have to be those that this checkout and these flags ask for.

    :param documents: as `pipelines.assembling.load` has it.
    :param own_tools: no other than Sealift's own are to run.
    :raises ConfigError: see `pipelines.assembling`; or the configuration names other tools.
    """
    prepared = planned(root, flags)
    if own_tools and (others := sorted(set(prepared.settings.tools.items()) - set(run_as({}).items()))):
        raise ConfigError(
            f"'tools' of sealift.yaml names {', '.join(image for _, image in others)}: a tool that signs has the"
            " identity of the job, and here no other than Sealift's own may have it",
            remedy="leave 'tools' out, or release without --own-tools",
            step="assemble",
        )
    plan = prepared.plan
    here = invocation(variables(root, flags), root)
    wanted = Wanted(
        project=plan.project,
        environment=plan.environment,
        commit=plan.commit,
        builder=here.builder,
        sealift=here.version,
        inputs=inputs_of(root.resolve(), plan),
    )
    return joined(load(folder, documents), wanted)
