"""Where `sealift up` keeps what it builds and what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs


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
