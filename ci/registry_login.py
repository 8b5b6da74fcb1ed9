"""`sealift registry login` and `logout`."""

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
from ci.registry_ground import registries
from ci.registry_options import ENVIRONMENT
from ci.terminal import report
from pipelines.config import is_loopback
from pipelines.errors import RegistryError
from pipelines.model import Repository, Target
from pipelines.registry.auth import Login
from pipelines.registry.client import Client
from pipelines.registry.kind import Kind
from pipelines.registry.kinds import kind_of


@click.command("login")
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


@click.command("logout")
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
