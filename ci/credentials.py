"""The logins for the registries that are published to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import dagger

from ci.addresses import secret_at
from pipelines.config import Settings, is_loopback
from pipelines.errors import RegistryError
from pipelines.model import Target
from pipelines.registry.auth import Login, docker_config
from pipelines.stages.toolbox import alias, port_of


async def credentials(
    client: dagger.Client, environ: Mapping[str, str], settings: Settings, targets: Iterable[Target]
) -> dagger.Secret | None:
    """Docker's configuration with all logins there are, as a secret; None if there is none.

    That of the environment's registry comes from the variables, if they have one; others, and else that one too, from
    Docker's own configuration or its credential helpers.

    :raises ConfigError: a password is not where it should be.
    :raises RegistryError: Docker's configuration cannot be used.
    """
    found: dict[str, Login] = {}
    if settings.username and settings.password:
        secret = await secret_at(client, environ, "DOCKER_PASSWORD", settings.password)
        found[settings.registry] = Login(username=settings.username, password=await secret.plaintext())
    others = dict.fromkeys(target.registry for target in targets if target.registry not in found)
    found |= from_docker(environ, others)
    if not found:
        return None
    return client.set_secret("sealift-docker-config", docker_config(as_seen(found)))


def as_seen(logins: Mapping[str, Login]) -> dict[str, Login]:
    """The logins, also under the names that tools see registries on the user's loopback by."""
    seen: dict[str, Login] = {}
    for registry, login in logins.items():
        seen[registry] = login
        if is_loopback(registry):
            seen[f"{alias(registry)}:{port_of(registry)}"] = login
    return seen


def from_docker(environ: Mapping[str, str], registries: Iterable[str]) -> dict[str, Login]:
    """Registry → login, of those that Docker's configuration or its helpers know.

    :raises RegistryError: the configuration, or a helper that it names, cannot be used.
    """
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if not (folder / "config.json").exists() and not (Path.home() / ".dockercfg").exists():
        return {}
    # A quarter of a second of imports.
    from docker import auth as docker_auth
    from docker.errors import DockerException

    found: dict[str, Login] = {}
    for registry in registries:
        try:
            entry = docker_auth.load_config().resolve_authconfig(registry)
        except DockerException as error:
            raise RegistryError(
                f"Docker's configuration has no usable login for {registry}: {error}",
                remedy="run 'docker login' again, or set DOCKER_USERNAME and DOCKER_PASSWORD",
                step="login",
            ) from error
        # docker-py's own spelling: "username" and "password", in either case.
        if entry and entry.get("username"):
            found[registry] = Login(username=entry["username"], password=entry.get("password", ""))
    return found
