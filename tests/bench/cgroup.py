"""CPU time and memory of everything in a container, from the kernel's own accounts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import EngineError


@dataclass(frozen=True, kw_only=True)
class Cgroup:
    """A container's folder in the hierarchy of each controller; with cgroup v2 both are the same.

    What runs inside of the container, build steps and services too, is in folders below it, and is counted.
    """

    cpu: Path
    memory: Path

    def cpu_seconds(self) -> float:
        """CPU time since the container started, of processes that have ended too."""
        v1 = self.cpu / "cpuacct.usage"
        if v1.exists():
            return int(v1.read_text()) / 1e9
        return _entry(self.cpu / "cpu.stat", "usage_usec") / 1e6

    def anonymous_bytes(self) -> int:
        """Memory that is no file's: the page cache, which grows with every file that is read, says nothing."""
        v1 = (self.memory / "memory.usage_in_bytes").exists()
        return _entry(self.memory / "memory.stat", "total_rss" if v1 else "anon")

    def processes(self) -> Iterator[int]:
        """The process ids in the container, as this machine numbers them."""
        # Folders come and go with build steps: os.walk passes over what is gone, which Path.rglob does not.
        for folder, _, _ in os.walk(self.cpu):
            with suppress(OSError):
                yield from map(int, Path(folder, "cgroup.procs").read_text().split())


@dataclass(frozen=True)
class Cgroups:
    """Several containers as one."""

    each: tuple[Cgroup, ...]

    def cpu_seconds(self) -> float:
        return sum(one.cpu_seconds() for one in self.each)

    def anonymous_bytes(self) -> int:
        return sum(one.anonymous_bytes() for one in self.each)

    def processes(self) -> Iterator[int]:
        for one in self.each:
            yield from one.processes()


def find_cgroup(pid: int, container: str, root: Path = Path("/")) -> Cgroup:
    """The cgroup of the container with that id, which holds the process.

    :raises EngineError: the process is in no cgroup of that name.
    """
    lines = (root / "proc" / str(pid) / "cgroup").read_text().splitlines()
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    mount = root / "sys/fs/cgroup"
    found = {}
    for controller in ("cpuacct", "memory"):
        named = next((names for names in paths if controller in names.split(",")), None)
        # proc_pid_cgroup(5): version 2 has no controllers in its line, and one hierarchy for all of them.
        folder = mount / named if named else mount
        found[controller] = _of_container(folder, paths[named or ""], container)
    return Cgroup(cpu=found["cpuacct"], memory=found["memory"])


def _of_container(mount: Path, path: str, container: str) -> Path:
    """A container may have put its processes into folders of its own: the one that has its id holds them all."""
    parts = path.strip("/").split("/")
    for depth, part in enumerate(parts, start=1):
        if container in part:
            return mount.joinpath(*parts[:depth])
    raise EngineError(
        f"the container {container[:12]} has no cgroup of its own below {mount}",
        remedy="the benchmark needs cgroup accounting for CPU and memory",
    )


def _entry(file: Path, name: str) -> int:
    """A number from a file of `name value` lines; cgroup v2's root has no such file, but we never ask for the root."""
    return int(dict(line.split(None, 1) for line in file.read_text().splitlines())[name])
