"""The login for the registry that is published to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagger

from ci.addresses import secret_at
from ci.front import login
from pipelines.config import Settings
from pipelines.errors import RegistryError


async def credentials(client: dagger.Client, environ: Mapping[str, str], settings: Settings) -> dagger.Secret | None:
    """The login from the variables; else from Docker's configuration or its credential helper; else none."""
    if settings.username and settings.password:
        password = await secret_at(client, environ, "DOCKER_PASSWORD", settings.password)
        return await login(client, settings.registry, settings.username, password)
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if not (folder / "config.json").exists() and not (Path.home() / ".dockercfg").exists():
        return None
    # A quarter of a second of imports.
    from docker import auth as docker_auth
    from docker.errors import DockerException

    try:
        found = docker_auth.load_config().resolve_authconfig(settings.registry)
    except DockerException as error:
        raise RegistryError(
            f"Docker's configuration has no usable login for {settings.registry}: {error}",
            remedy="run 'docker login' again, or set DOCKER_USERNAME and DOCKER_PASSWORD",
            step="login",
        ) from error
    if not found or not found.get("username"):
        return None
    # docker-py's own spelling: "username" and "password", in either case.
    password = client.set_secret("sealift-docker-password", found.get("password", ""))
    return await login(client, settings.registry, found["username"], password)
