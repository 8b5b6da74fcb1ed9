"""The logins for the registries that are published to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagger

from ci.addresses import secret_at
from ci.logins import check_whose, decide
from pipelines.config import Settings, is_loopback
from pipelines.model import Target
from pipelines.registry.auth import Login
from pipelines.stages.toolbox import alias, port_of


async def logins(
    client: dagger.Client, environ: Mapping[str, str], settings: Settings, targets: Iterable[Target]
) -> dict[str, Login]:
    """Registry → login, of those that there is one for.

    Where they come from: `ci.logins`. What DOCKER_PASSWORD names is read by the engine, which knows more addresses.

    :raises ConfigError: a password is not where it should be, or nobody says which registry it is for.
    :raises RegistryError: Docker's configuration cannot be used.
    """
    given: dict[str, Login] = {}
    if settings.username and settings.password:
        check_whose(settings)
        secret = await secret_at(client, environ, "DOCKER_PASSWORD", settings.password)
        # As Docker reads a password: a line break at the end is the file's, not the password's.
        password = (await secret.plaintext()).rstrip("\r\n")
        given[settings.registry] = Login(username=settings.username, password=password)
    return decide(environ, given, targets)


def as_seen(logins: Mapping[str, Login]) -> dict[str, Login]:
    """The logins, also under the names that tools see registries on the user's loopback by."""
    seen: dict[str, Login] = {}
    for registry, login in logins.items():
        seen[registry] = login
        if is_loopback(registry):
            seen[f"{alias(registry)}:{port_of(registry)}"] = login
    return seen
