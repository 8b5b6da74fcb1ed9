"""What the commands about registries stand on: the configuration, the logins, and a client for each registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ci.front import configured
from ci.inside import host_inside
from ci.logins import find_logins
from ci.run import variables
from pipelines.config import Config, Flags, Settings, resolve
from pipelines.errors import ConfigError, shown
from pipelines.model import Target
from pipelines.registry.auth import Login
from pipelines.registry.client import Client
from pipelines.registry.clients import Clients


@dataclass(frozen=True, kw_only=True)
class Registries:
    """An environment's registries, and who we are there.

    :param environ: the variables, `.env` included.
    :param logins: registry → login.
    :param flags: what the command line said.
    """

    environ: Mapping[str, str]
    config: Config
    settings: Settings
    logins: Mapping[str, Login]
    flags: Flags = field(default_factory=Flags)

    @property
    def targets(self) -> tuple[Target, ...]:
        """All of the environment, the regions too."""
        return tuple(dict.fromkeys((*self.settings.targets, *self.settings.regions)))

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self.config.services)

    def chosen(self, names: Sequence[str]) -> tuple[str, ...]:
        """The named services, all if none is named.

        :raises ConfigError: there is no such service.
        """
        if unknown := [name for name in names if name not in self.config.services]:
            raise ConfigError(
                f"no such service: {', '.join(map(shown, unknown))}; services: {', '.join(self.services)}",
                remedy="mend the name",
                step="config",
            )
        return tuple(dict.fromkeys(names)) or self.services

    @asynccontextmanager
    async def clients(self, targets: Sequence[Target]) -> AsyncIterator[list[Client]]:
        """A client for each target."""
        host = partial(host_inside, self.environ)
        async with Clients(logins=self.logins, environ=self.environ, host=host) as clients:
            yield [clients(target) for target in targets]


def registries(root: Path, env: str | None, registry: str | None) -> Registries:
    """The registries of an environment, or the one that is named in place of its own.

    :raises ConfigError: every problem that the files, the variables and the flags have.
    :raises RegistryError: a login cannot be read.
    """
    return registries_by(root, Flags(env=env, registry=registry))


def registries_by(root: Path, flags: Flags) -> Registries:
    """The same, by all that the command line can say.

    :raises ConfigError, RegistryError: as `registries`.
    """
    environ = variables(root.resolve(), flags)
    config = configured(root.resolve(), environ, flags).config
    settings = resolve(config, environ=environ, flags=flags)
    targets = (*settings.targets, *settings.regions)
    return Registries(
        environ=environ,
        config=config,
        settings=settings,
        logins=find_logins(environ, settings, targets),
        flags=flags,
    )
