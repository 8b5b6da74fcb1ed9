"""The logins for the registries that are published to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagger

from ci.addresses import secret_at
from ci.logins import decide
from pipelines.config import Settings, is_loopback
from pipelines.model import Target
from pipelines.registry.auth import Login, docker_config
from pipelines.stages.toolbox import alias, port_of


async def credentials(
    client: dagger.Client, environ: Mapping[str, str], settings: Settings, targets: Iterable[Target]
) -> dagger.Secret | None:
    """Docker's configuration with all logins there are, as a secret; None if there is none.

    Where they come from: `ci.logins`. What DOCKER_PASSWORD names is read by the engine, which knows more addresses.

    :raises ConfigError: a password is not where it should be.
    :raises RegistryError: Docker's configuration cannot be used.
    """
    given: dict[str, Login] = {}
    if settings.username and settings.password:
        secret = await secret_at(client, environ, "DOCKER_PASSWORD", settings.password)
        # As Docker reads a password: a line break at the end is the file's, not the password's.
        password = (await secret.plaintext()).rstrip("\r\n")
        given[settings.registry] = Login(username=settings.username, password=password)
    found = decide(environ, given, targets)
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
