"""Where the login for each registry comes from: one place decides, for the engine's tools and for our own client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.config import Origin, Settings, is_loopback
from pipelines.errors import ConfigError, RegistryError
from pipelines.model import Target
from pipelines.registry.auth import Login
from pipelines.registry.kind import Kind
from pipelines.registry.kinds import kind_of


def find_logins(environ: Mapping[str, str], settings: Settings, targets: Iterable[Target]) -> dict[str, Login]:
    """Registry → login, of those that there is one for. No engine is asked.

    :raises ConfigError: the password is not where DOCKER_PASSWORD says, or nobody says which registry it is for.
    :raises RegistryError: Docker's configuration, or a token exchange, cannot be used.
    """
    given = {}
    if settings.username and settings.password:
        check_whose(settings)
        password = read_secret(environ, "DOCKER_PASSWORD", settings.password)
        given[settings.registry] = Login(username=settings.username, password=password)
    return decide(environ, given, targets)


def check_whose(settings: Settings) -> None:
    """See that a password goes where whoever has it sends it, and not where a file of the repository does.

    :raises ConfigError: neither DOCKER_REGISTRY nor a flag names the registry, and it is not on this machine.
    """
    if settings.origins["registry"] in (Origin.ENVIRONMENT, Origin.FLAG) or is_loopback(settings.registry):
        return
    raise ConfigError(
        f"DOCKER_USERNAME and DOCKER_PASSWORD do not say which registry they are for, and {settings.registry}, which"
        f" sealift.yaml names for {settings.environment}, gets no password on its word alone",
        remedy=f"set DOCKER_REGISTRY={settings.registry} if they are for that one,"
        " or log in with 'sealift registry login' instead",
        step="login",
    )


def decide(environ: Mapping[str, str], given: Mapping[str, Login], targets: Iterable[Target]) -> dict[str, Login]:
    """The logins of all targets: that of the variables, else Docker's, else what GitHub Actions gives the job.

    :param given: what DOCKER_USERNAME and DOCKER_PASSWORD have, for the environment's registry.
    :raises RegistryError: as in `find_logins`.
    """
    registries = dict.fromkeys(target.registry for target in targets)
    found = {**given, **from_docker(environ, (one for one in registries if one not in given))}
    return found | {one: login for one in registries if one not in found and (login := _from_the_job(environ, one))}


def _from_the_job(environ: Mapping[str, str], registry: str) -> Login | None:
    if login := from_github(environ, registry):
        return login
    if not environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
        return None
    from ci.identity import from_identity

    return from_identity(environ, kind_of(registry), registry)


def from_github(environ: Mapping[str, str], registry: str) -> Login | None:
    """In GitHub Actions, the job's own token for ghcr.io, where the job passes it on as GITHUB_TOKEN."""
    token, actor = environ.get("GITHUB_TOKEN"), environ.get("GITHUB_ACTOR")
    if environ.get("GITHUB_ACTIONS") != "true" or not token or not actor or kind_of(registry).host != "ghcr.io":
        return None
    return Login(username=actor, password=token)


def read_secret(environ: Mapping[str, str], variable: str, address: str) -> str:
    """The secret at `env://NAME` or `file://PATH`; other addresses only the engine can read.

    :raises ConfigError: nothing can be read there.
    """
    scheme, _, name = address.partition("://")
    try:
        if scheme == "env":
            return environ[name]
        if scheme == "file":
            return Path(name).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (KeyError, OSError, UnicodeDecodeError) as error:
        why = "the variable is not set" if isinstance(error, KeyError) else getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{variable}: the secret at {address} cannot be read: {why}",
            remedy=f"put it there, or set {variable} to where it is: file://PATH or env://NAME",
        ) from error
    raise ConfigError(
        f"{variable}: this command asks no engine, and without one {scheme}:// cannot be read",
        remedy=f"set {variable} to file://PATH or env://NAME, or log in with 'sealift registry login'",
    )


def config_file(environ: Mapping[str, str]) -> Path:
    """Docker's configuration: `config.json` in DOCKER_CONFIG, or in `~/.docker`."""
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def from_docker(environ: Mapping[str, str], registries: Iterable[str]) -> dict[str, Login]:
    """Registry → login, of those that Docker's configuration or its helpers know.

    :raises RegistryError: the configuration, or a helper that it names, cannot be used.
    """
    file = config_file(environ)
    if not file.exists():
        return {}
    # A quarter of a second of imports.
    from docker import auth as docker_auth
    from docker.errors import DockerException

    found: dict[str, Login] = {}
    for registry in registries:
        try:
            config = docker_auth.load_config(config_dict=json.loads(file.read_text(encoding="utf-8")))
            entry = config.resolve_authconfig(kind_of(registry).login_host)
        except (DockerException, OSError, ValueError) as error:
            raise RegistryError(
                f"Docker's configuration has no usable login for {registry}: {error}",
                remedy="run 'sealift registry login' again, or set DOCKER_USERNAME and DOCKER_PASSWORD",
                step="login",
            ) from error
        if login := _login(kind_of(registry), entry or {}):
            found[registry] = login
    return found


def _login(kind: Kind, entry: Mapping[str, str]) -> Login | None:
    """What docker-py has found, in its two spellings: that of the file, and that of helpers."""
    given = {key.lower(): value for key, value in entry.items() if value}
    # A refresh token. As a password, only the kind's own user name takes it.
    if token := given.get("identitytoken"):
        return Login(username=kind.refresh_user, password=token) if kind.refresh_user else None
    if not given.get("username"):
        return None
    return Login(username=given["username"], password=given.get("password", ""))
