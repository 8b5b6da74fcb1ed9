"""Where `sealift up` keeps what it builds and what it runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from pipelines.errors import ConfigError

_PAGE = 4096
"""Bytes that a file takes at least."""


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The two folders of the local set-up.

    :param cache: what can be built again: tools, image layers, the mirror. Never removed by `down`.
    :param state: what cannot: the registry's images, the engine's cache, records of running processes.
    """

    cache: Path
    state: Path

    @property
    def toolchain(self) -> Path:
        """Built tools, one folder for each lock and set of flags."""
        return self.cache / "toolchain"

    @property
    def images(self) -> Path:
        """OCI layouts of rebuilt images, one folder for each recipe."""
        return self.cache / "images"

    @property
    def record(self) -> Path:
        """What is running, as JSON."""
        return self.state / "running.json"


def find_paths(environment: Mapping[str, str]) -> Paths:
    """The user's folders (XDG on Linux), unless SEALIFT_CACHE_DIR or SEALIFT_STATE_DIR name others."""
    cache = environment.get("SEALIFT_CACHE_DIR") or platformdirs.user_cache_dir("sealift", appauthor=False)
    state = environment.get("SEALIFT_STATE_DIR") or platformdirs.user_state_dir("sealift", appauthor=False)
    return Paths(cache=Path(cache).expanduser().absolute(), state=Path(state).expanduser().absolute())


def find_keys(environment: Mapping[str, str]) -> Path:
    """The folder of the local key pair: the user's own, unless SEALIFT_KEYS_DIR names another."""
    given = environment.get("SEALIFT_KEYS_DIR")
    return Path(given).expanduser() if given else platformdirs.user_config_path("sealift") / "keys"


def space_left(environment: Mapping[str, str]) -> int | None:
    """Bytes that are left on the disk of the engine that we keep; None if there is no such engine."""
    folder = find_paths(environment).state / "engine"
    return shutil.disk_usage(folder).free if folder.is_dir() else None


def why_not_writable(folder: Path) -> str | None:
    """Why nothing can be written into the folder, or it cannot be made; None if it can. Leaves nothing behind."""
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        # What the system says about the rights does not settle it: root has all of them, on a read-only disk too.
        with tempfile.TemporaryFile(dir=existing, buffering=0) as file:
            # On a full disk a file can still be made.
            file.write(bytes(_PAGE))
            return None
    except OSError as error:
        return error.strerror or str(error)


def require(folder: Path, environment: Mapping[str, str]) -> None:
    """See that a folder of ours can be written, before anything is started.

    :raises ConfigError: it cannot; the message has the others of which that is true too, each with its variable.
    """
    if why_not_writable(folder) is None:
        return
    paths = find_paths(environment)
    folders = {
        "SEALIFT_STATE_DIR": paths.state,
        "SEALIFT_CACHE_DIR": paths.cache,
        "SEALIFT_KEYS_DIR": find_keys(environment),
    }
    wrong = [f"  {variable}: {path}: {why}" for variable, path in folders.items() if (why := why_not_writable(path))]
    raise ConfigError(
        "\n".join(["nothing can be written into", *(wrong or [f"  {folder}"])]),
        remedy="make room, or make it writable, or name another folder with the variable that stands before it",
        step="folders",
    )
