"""`sealift registry check`: every registry of an environment is tried for real."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import click

from ci import options as opt
from ci.interrupt import interruptible
from ci.output import dump
from ci.registry_ground import Registries, registries
from ci.registry_options import environment
from ci.registry_output import write_checked
from ci.terminal import answers
from pipelines.errors import ExitCode
from pipelines.model import Target
from pipelines.registry.check import Checked, check
from pipelines.registry.client import Client


@click.command("check")
@environment
@click.option("--read-only", is_flag=True, help="Only pull: push and delete nothing.")
@opt.as_json
def check_command(env: str | None, registry: str | None, root: Path, read_only: bool, as_json: bool) -> None:
    """Try every registry of the environment, its regions too: reach it, log in, pull, push and delete.

    A small artifact is pushed beside the first service's images, as sealift-check-…, pulled back, and deleted.
    Exit code 5 if anything failed; what to do about it is said for this kind of registry.
    """
    found = registries(root, env, registry)
    results = anyio.run(interruptible, lambda: check_all(found, read_only=read_only))
    if as_json:
        dump([result.as_json() for result in results])
    else:
        write_checked(answers(), results)
    if any(result.failed for result in results):
        sys.exit(ExitCode.REGISTRY)


async def check_all(found: Registries, *, read_only: bool) -> list[Checked]:
    """What was found of each registry, in their order."""
    results: dict[Target, Checked] = {}

    async def one(client: Client) -> None:
        known = client.target.registry in found.logins
        repository = client.target.repository(found.services[0])
        results[client.target] = await check(client, repository, known=known, read_only=read_only)

    async with found.clients(found.targets) as clients, anyio.create_task_group() as group:
        for client in clients:
            group.start_soon(one, client)
    return [results[target] for target in found.targets]
