"""`sealift registry status`: how an environment's registries are, against targets."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import click
from pydantic import ByteSize, TypeAdapter, ValidationError

from ci import options as opt
from ci.interrupt import interruptible
from ci.local.machine import make_setup
from ci.local.storage import find_ours, usage
from ci.output import dump
from ci.registry_ground import Registries, registries
from ci.registry_options import environment
from ci.terminal import answers, report
from pipelines.config import is_loopback
from pipelines.errors import ExitCode, shown
from pipelines.registry.client import Client
from pipelines.registry.measure import measure
from pipelines.report import status as shown_status
from pipelines.report.openmetrics import exposition
from pipelines.status import Goals, RegistryState, checks

_PATIENCE = 2.0
"""A pull may take so many times its goal before it is given up."""


def _size(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Bytes, written as sizes are in sealift.yaml."""
    try:
        return None if value is None else int(TypeAdapter(ByteSize).validate_python(value))
    except ValidationError:
        raise click.BadParameter(f"expected a size such as 500MB or 64MiB, found {shown(value or '')}") from None


_PERCENT = click.FloatRange(0, 100)


@click.command("status")
@environment
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service. Repeatable.")
@click.option(
    "--max-size", callback=_size, metavar="SIZE", default="500MB", show_default=True, help="Every image is smaller."
)
@click.option(
    "--max-storage", type=_PERCENT, metavar="PERCENT", default=80, show_default=True, help="Storage is less full."
)
@click.option(
    "--quota", callback=_size, metavar="SIZE", help="What the registry may hold; storage is judged against this."
)
@click.option(
    "--min-push",
    type=_PERCENT,
    metavar="PERCENT",
    default=99,
    show_default=True,
    help="More of the last 20 runs ended published.",
)
@click.option(
    "--max-pull",
    type=click.FloatRange(0.001),
    metavar="SECONDS",
    default=30,
    show_default=True,
    help="The largest image is pulled sooner.",
)
@click.option("--no-pull", is_flag=True, help="Pull nothing.")
@click.option(
    "--max-critical",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="Critical vulnerabilities, at most.",
)
@click.option(
    "--min-signed",
    type=_PERCENT,
    metavar="PERCENT",
    default=100,
    show_default=True,
    help="Images that have a signature, at least.",
)
@click.option("--openmetrics", is_flag=True, help="Print OpenMetrics text on standard output.")
@opt.as_json
def status_command(
    *,
    env: str | None,
    registry: str | None,
    root: Path,
    services: tuple[str, ...],
    max_size: int,
    max_storage: float,
    quota: int | None,
    min_push: float,
    max_pull: float,
    no_pull: bool,
    max_critical: int,
    min_signed: float,
    openmetrics: bool,
    as_json: bool,
) -> None:
    """Tell how the environment's registries and the newest releases in them are, against targets.

    Availability, latency, storage, the last runs, the time of a real pull; and of each service's newest release: sizes,
    vulnerabilities as they were found when it was scanned, and signatures, which are counted and not verified.

    Exit code 4 if a target is missed, 5 if a registry does not answer.
    """
    if as_json and openmetrics:
        raise click.UsageError("--json and --openmetrics are two forms; give one of them")
    goals = Goals(
        size=max_size,
        storage=max_storage / 100,
        push=min_push / 100,
        pull=max_pull,
        critical=max_critical,
        signed=min_signed / 100,
    )
    found = registries(root, env, registry)
    chosen = found.chosen(services)
    pull = None if no_pull else max_pull * _PATIENCE

    async def work() -> list[RegistryState]:
        return await _measured(found, chosen, quota, pull)

    states = anyio.run(interruptible, work)
    if as_json:
        dump([shown_status.as_json(state, goals) for state in states])
    elif openmetrics:
        click.echo(exposition(states, goals), nl=False)
    else:
        console = answers()
        for state in states:
            console.print(shown_status.render(state, goals, width=console.width))
        console.print(shown_status.verdict(states, goals))
    if any(state.problem for state in states):
        sys.exit(ExitCode.REGISTRY)
    if any(item.met is False for state in states for item in checks(state, goals)):
        sys.exit(ExitCode.GATE)


async def _measured(
    found: Registries, services: tuple[str, ...], quota: int | None, pull: float | None
) -> list[RegistryState]:
    """One registry after the other: a pull from one would slow that from another."""
    now = datetime.now(UTC)
    states = []
    async with found.clients(found.targets) as clients:
        for client in clients:
            disk = await anyio.to_thread.run_sync(_disk, found, client)
            states.append(await measure(client, services, now=now, disk=disk, quota=quota, pull_seconds=pull))
    return states


def _disk(found: Registries, client: Client) -> tuple[int, float] | None:
    """Bytes on disk, and how full the file system is, of the registry that we run ourselves."""
    if not is_loopback(client.target.registry):
        return None
    setup = make_setup(found.environ, report)
    ours = find_ours(setup, client.target.registry)
    if ours is None:
        return None
    disk = usage(setup, ours)
    return disk.held, disk.share
