"""`sealift registry …`: log in, try a registry, and look at what it holds. No engine is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
import click

from ci import docker_config
from ci import options as opt
from ci.interrupt import interruptible
from ci.output import dump
from ci.registry_carry import copy_command, pull_command
from ci.registry_ground import Registries, registries
from ci.registry_look import inspect_command, list_command
from ci.registry_options import ENVIRONMENT, environment
from ci.registry_output import write_checked
from ci.terminal import answers, report
from pipelines.config import is_loopback
from pipelines.errors import ExitCode, RegistryError
from pipelines.model import Repository, Target
from pipelines.registry.auth import Login
from pipelines.registry.check import Checked, check
from pipelines.registry.client import Client
from pipelines.registry.kind import Kind
from pipelines.registry.kinds import kind_of


@click.group("registry")
def registry_group() -> None:
    """Log in to registries, try them, and look at what they hold."""


@registry_group.command("login")
@click.argument("registry", required=False, metavar="[REGISTRY]")
@click.option("--username", "-u", metavar="NAME", help="User name. [default: the registry's only one, or asked for]")
@click.option("--password-stdin", is_flag=True, help="Take the password, or token, from standard input.")
@ENVIRONMENT
@opt.root
def login_command(
    registry: str | None, username: str | None, password_stdin: bool, env: str | None, root: Path
) -> None:
    """Try a login at REGISTRY, by default the environment's, and keep it where Docker does.

    It goes to the credential helper that Docker's configuration names (credsStore, credHelpers), else into that file.
    Passwords are never arguments.
    """
    target, environ = _named(registry, env, root)
    kind = kind_of(target.registry)
    login = _asked(kind, username, password_stdin)

    async def attempt() -> bool:
        async with Client(target, login=login, environ=environ) as client:
            await client.ping()
            return client.asked_for_login

    if not anyio.run(interruptible, attempt):
        raise RegistryError(
            f"{target.registry} asks for no login; nothing was kept",
            remedy="use it as it is, or check the address",
            step="login",
        )
    place = docker_config.store(environ, target.registry, login)
    report(f"Logged in to {target.registry} ({kind.name}) as {login.username}. Kept in {place}.")


@registry_group.command("logout")
@click.argument("registry", required=False, metavar="[REGISTRY]")
@ENVIRONMENT
@opt.root
def logout_command(registry: str | None, env: str | None, root: Path) -> None:
    """Remove the login for REGISTRY, by default the environment's, from where Docker keeps it."""
    target, environ = _named(registry, env, root)
    place = docker_config.erase(environ, target.registry)
    report(f"Removed the login for {target.registry} from {place}." if place else f"No login for {target.registry}.")


def _named(registry: str | None, env: str | None, root: Path) -> tuple[Target, Mapping[str, str]]:
    """The registry that is meant, and the variables. One that is named needs no configuration."""
    if registry is None:
        found = registries(root, env, None)
        return found.settings.targets[0], found.environ
    try:
        Repository(registry=registry, path="a")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="REGISTRY") from error
    if (root / "sealift.yaml").exists():
        found = registries(root, env, None)
        for target in found.targets:
            if target.registry == registry:
                return target, found.environ
    return Target(registry=registry, insecure=is_loopback(registry)), os.environ


def _asked(kind: Kind, username: str | None, password_stdin: bool) -> Login:
    terminal = sys.stdin.isatty()
    if not password_stdin and not terminal:
        raise click.UsageError("there is no terminal to ask for the password: give it by --password-stdin")
    if not username and not kind.token_is_user:
        username = kind.username
        if not username and password_stdin:
            raise click.UsageError("--password-stdin needs --username")
        username = username or click.prompt("User name", err=True)
    if password_stdin:
        password = sys.stdin.read().rstrip("\r\n")
    else:
        if kind.id != "self-hosted":
            report(f"{kind.name} takes {kind.give}.")
        password = click.prompt("Password", hide_input=True, err=True)
    if not password:
        raise click.UsageError("the password is empty")
    return Login(username=username or password, password=password)


@registry_group.command("check")
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


for _command in (list_command, inspect_command, pull_command, copy_command):
    registry_group.add_command(_command)
