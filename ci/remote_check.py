"""Whether a remote engine is of the version that this client works with, and what it is: only a session tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from ci.local.toolchain import DAGGER
from ci.session import connected
from pipelines.errors import EngineError

_INCOMPATIBLE = re.compile(r"incompatible (engine|client) version (\S+)")
"""What client and engine of Dagger 0.21.8 say (engine/client/client.go, engine/server/session.go)."""


async def engine_platform(engine: Mapping[str, str], address: str, log: TextIO) -> str:
    """The platform of the engine that the variables name, such as `linux/amd64`.

    :param address: as the user named it.
    :raises EngineError: no session can be had, or it is of another version.
    """
    try:
        async with connected(engine, log) as client:
            version, platform = await client.version(), str(await client.default_platform())
    except EngineError as error:
        if refusal := _refusal(log.name):
            raise _other(address, refusal) from error
        raise
    check_version(address, version)
    return platform


def check_version(address: str, version: str) -> None:
    """:raises EngineError: the engine's version is not exactly ours: others build other layers of the same commit."""
    if version.removeprefix("v") != DAGGER.version:
        raise _other(address, f"version {version}")


def _refusal(log: str) -> str | None:
    try:
        found = _INCOMPATIBLE.search(Path(log).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return found[0] if found else None


def _other(address: str, what: str) -> EngineError:
    return EngineError(
        f"the engine at {address} does not fit the client, which is of version v{DAGGER.version}: {what}",
        remedy=f"run registry.dagger.io/engine:v{DAGGER.version} there (Helm: --version {DAGGER.version}), or use the"
        " release of Sealift that belongs to the engine's version",
        step="engine",
    )
