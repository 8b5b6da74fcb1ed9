"""Mode (c): the engine, assembled on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from ci.local.engine import busy, engine_config, engine_key, listens, socket_path, start_engine
from ci.local.mirror import fill_mirror
from ci.local.paths import require
from ci.local.podman import Podman, read_kernel
from ci.local.processes import alive
from ci.local.record import Ledger
from ci.local.registry import Local, answers, start_registry
from ci.local.setup import Setup
from ci.local.system import enable_emulation, install_packages
from ci.local.toolchain import cli_folder, tools_folder
from pipelines.errors import EngineError


def assemble(setup: Setup, ledger: Ledger, mirror: Local, registry: Local) -> tuple[Path, Path, tuple[str, ...]]:
    """Bring mirror and engine up, cheaply if both are up already.

    :returns: the `dagger` command, a folder with the other tools, and notes.
    """
    if sys.platform != "linux":
        raise EngineError(
            "there is no container tool with access to the official images, and only Linux can do without",
            remedy="install Docker or Podman and start it",
        )
    require(setup.paths.cache, setup.environment)
    install_packages(setup)
    note = enable_emulation(setup)
    cli, tools = cli_folder(setup) / "dagger", tools_folder(setup)
    ensure_mirror(setup, ledger, mirror)
    fill_mirror(setup, mirror)
    config = engine_config(mirror, registry)
    key = engine_key(setup, config)
    notes = (note,) if note else ()
    up = bool(ledger.record.engine_key) and listens(socket_path(setup))
    if up and ledger.record.engine_key != key and busy():
        return cli, tools, (*notes, "the engine is an earlier one and in use: the next `sealift up` replaces it")
    if not up or ledger.record.engine_key != key:
        ledger.container("engine", "podman", start_engine(setup, Podman(setup, read_kernel()), mirror, config))
    ledger.engine(mode="assembled", key=key)
    return cli, tools, notes


def ensure_mirror(setup: Setup, ledger: Ledger, mirror: Local) -> None:
    """The mirror running: ours from before, or a new process."""
    known = ledger.record.processes.get("mirror")
    if known is None or not alive(known) or not answers(mirror.port):
        ledger.process("mirror", start_registry(setup, mirror))
