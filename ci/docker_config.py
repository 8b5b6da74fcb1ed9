"""Keep a login where Docker and every tool beside it look for one, and take it away again."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ci.logins import config_file
from pipelines.errors import ConfigError, RegistryError
from pipelines.registry.auth import Login
from pipelines.registry.kinds import kind_of

_HUB = "https://index.docker.io/v1/"


def store(environ: Mapping[str, str], registry: str, login: Login) -> str:
    """Keep a login with the credential helper that Docker's configuration names, else in that file; where it is.

    :raises ConfigError: the file is not Docker's, or cannot be written.
    :raises RegistryError: the helper did not take it.
    """
    path, key = config_file(environ), _key(registry)
    config = _read(path)
    if helper := _helper(config, key):
        _help(helper, "store", key, login.username, login.password)
        # What is in the file would hide nothing, but it would stay readable.
        if key in _auths(config, path):
            del config["auths"][key]
            _write(path, config)
        return f"the credential helper docker-credential-{helper}"
    auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    _auths(config, path)[key] = {"auth": auth}
    _write(path, config)
    return f"{path}, readable by you only, but not encrypted"


def erase(environ: Mapping[str, str], registry: str) -> str | None:
    """Remove a login; where it was, or None if there was none.

    :raises ConfigError: the file is not Docker's, or cannot be written.
    :raises RegistryError: the helper cannot be asked.
    """
    path, key = config_file(environ), _key(registry)
    config = _read(path)
    places = []
    if helper := _helper(config, key):
        with suppress(LookupError):
            _help(helper, "get", key)
            _help(helper, "erase", key)
            places.append(f"the credential helper docker-credential-{helper}")
    if key in _auths(config, path):
        del config["auths"][key]
        _write(path, config)
        places.append(str(path))
    return " and ".join(places) or None


def _key(registry: str) -> str:
    kind = kind_of(registry)
    return _HUB if kind.id == "docker-hub" else kind.login_host


def _helper(config: Mapping[str, Any], key: str) -> str | None:
    return (config.get("credHelpers") or {}).get(key) or config.get("credsStore") or None


def _help(helper: str, verb: str, *arguments: str) -> None:
    """Ask docker-credential-HELPER, which gets secrets by its standard input.

    :raises LookupError: it has no such login.
    """
    from docker.credentials import Store
    from docker.credentials.errors import CredentialsNotFound, StoreError

    try:
        getattr(Store(helper), verb)(*arguments)
    except CredentialsNotFound as error:
        raise LookupError(str(error)) from error
    except StoreError as error:
        raise RegistryError(
            f"docker-credential-{helper}, which Docker's configuration names, failed: {error}",
            remedy="install or mend it, or take it out of credsStore and credHelpers of that file",
            step="login",
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(config, dict):
        raise _unusable(path, "it is no JSON object")
    return config


def _auths(config: dict[str, Any], path: Path) -> dict[str, Any]:
    auths = config.setdefault("auths", {})
    if not isinstance(auths, dict):
        raise _unusable(path, "its 'auths' is no JSON object")
    return auths


def _write(path: Path, config: Mapping[str, Any]) -> None:
    """The whole file or nothing of it, at no moment readable by others. A link stays one."""
    place = path.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = tempfile.mkstemp(prefix=".config.", dir=place.parent)  # with mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(config, file, indent="\t", ensure_ascii=False)
                file.write("\n")
            Path(draft).replace(place)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(
            f"{place} cannot be written: {error.strerror or error}",
            remedy="make its folder writable, or name another one with DOCKER_CONFIG",
            step="login",
        ) from error


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path} is not Docker's configuration: {why}",
        remedy="mend or move that file, or name another folder with DOCKER_CONFIG",
        step="login",
    )
