"""What the registry that `sealift up` started has on its disk: how much, and when each manifest was pushed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ci.local.machine import locals_of
from ci.local.processes import Process, alive
from ci.local.record import load_record
from ci.local.registry import Local
from ci.local.setup import Setup
from pipelines.config import is_loopback
from pipelines.errors import RegistryError
from pipelines.model import Digest

# distribution, registry/storage/paths.go
_REPOSITORIES = "docker/registry/v2/repositories"
_IN_CONTAINER = "/var/lib/registry"
_ANSWER = 300.0
"""Seconds that a container has to count its files."""


@dataclass(frozen=True, kw_only=True)
class Ours:
    """The registry of `sealift up`, in one of its two modes.

    :param process: of the assembled mode, if it runs.
    :param container: tool and name of the container, in the other mode.
    """

    local: Local
    process: Process | None = None
    container: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Bytes on disk: of the registry's files, and of the file system that they are on."""

    held: int
    used: int
    size: int

    @property
    def share(self) -> float:
        """How full the file system is, 0 to 1."""
        return self.used / self.size if self.size else 0.0


def find_ours(setup: Setup, registry: str) -> Ours | None:
    """The registry at that address, if `sealift up` started it."""
    local, _ = locals_of(setup)
    if not is_loopback(registry) or not registry.endswith(f":{local.port}"):
        return None
    record = load_record(setup.paths.record)
    container = record.containers.get("registry")
    if container is not None:
        return Ours(local=local, container=container)
    process = record.processes.get("registry")
    return Ours(local=local, process=process) if process is not None and alive(process) else None


def usage(setup: Setup, ours: Ours) -> Usage:
    """What the registry takes on disk.

    :raises RegistryError: its container does not tell.
    """
    if ours.container is None:
        disk = shutil.disk_usage(ours.local.storage)
        return Usage(held=_held(ours.local.storage), used=disk.total - disk.free, size=disk.total)
    held = _inside(setup, ours.container, ["du", "-sk", _IN_CONTAINER]).split()
    disk_row = _inside(setup, ours.container, ["df", "-kP", _IN_CONTAINER]).splitlines()[-1].split()
    total, free = int(disk_row[1]) * 1024, int(disk_row[3]) * 1024
    return Usage(held=int(held[0]) * 1024, used=total - free, size=total)


def _held(folder: Path) -> int:
    """Bytes that the files below a folder take on disk; what goes while they are counted is not."""
    total = 0
    for root, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(root, file)).st_blocks * 512  # noqa: PTH118 - a third of the time
            except FileNotFoundError:
                continue
    return total


def pushed(setup: Setup, ours: Ours, repository: str) -> Mapping[Digest, datetime]:
    """When each manifest of a repository was pushed last, tagged or not.

    :raises RegistryError: its container does not tell.
    """
    if ours.container is None:
        folder = ours.local.storage / _REPOSITORIES / repository / "_manifests/revisions/sha256"
        links = ((link.parent.name, link.stat().st_mtime) for link in folder.glob("*/link"))
        return {Digest(f"sha256:{name}"): datetime.fromtimestamp(when, UTC) for name, when in links}
    folder_there = f"{_IN_CONTAINER}/{_REPOSITORIES}/{repository}/_manifests/revisions/sha256"
    find = '[ ! -d "$0" ] || find "$0" -name link -exec stat -c "%Y %n" {} +'
    lines = _inside(setup, ours.container, ["sh", "-c", find, folder_there]).splitlines()
    found = (line.split(maxsplit=1) for line in lines)
    return {
        Digest(f"sha256:{path.rpartition('/link')[0].rpartition('/')[2]}"): datetime.fromtimestamp(int(when), UTC)
        for when, path in found
    }


def uploading(ours: Ours, now: float | None = None) -> Iterator[Path]:
    """Uploads that something was written to in the last minute: a push is under way. Of the assembled mode only."""
    moment = time.time() if now is None else now
    for data in (ours.local.storage / _REPOSITORIES).glob("**/_uploads/*/data"):
        try:
            if moment - data.stat().st_mtime < 60:
                yield data
        except FileNotFoundError:
            continue


def _inside(setup: Setup, container: tuple[str, str], command: Sequence[str]) -> str:
    tool, name = container
    done = setup.runner.run([tool, "exec", name, *command], timeout=_ANSWER)
    if not done.ok:
        raise RegistryError(
            f"{tool} exec {name} {command[0]} failed: {(done.errors or done.output).strip()}",
            remedy=f"look whether the container runs: `{tool} ps --filter name={name}`",
        )
    return done.output
