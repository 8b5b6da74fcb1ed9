"""Measures a run: wall and CPU seconds, peak memory, and what ran emulated."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines.errors import ToolError
from tests.bench.cgroup import Cgroup, Cgroups

INTERVAL = 0.05
"""Seconds between two looks. A program under emulation needs longer only to start an interpreter."""

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a run took. Memory in bytes; `emulated` counts processes by the command that they ran under emulation."""

    wall: float
    client_cpu: float
    engine_cpu: float
    client_memory: int
    engine_memory: int
    emulated: Mapping[str, int]


@dataclass
class Meter:
    """Runs a subject's clients, and looks at them and at the engine while they run.

    CPU time of clients is what the kernel says when they end (wait4(2)), with all descendants that they waited for.
    """

    engine: Cgroup | Cgroups
    log: Path
    _clients: set[int] = field(default_factory=set)
    _cpu: float = 0.0
    _peaks: Counter[str] = field(default_factory=Counter)
    _emulated: dict[int, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._engine_before = self.engine.cpu_seconds()
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wall = time.monotonic() - self._began
        self._engine_cpu = self.engine.cpu_seconds() - self._engine_before
        self._ended.set()
        self._thread.join()
        if self._failure is not None and error is None:
            # Half of the looks would look like less memory, and like nothing emulated.
            raise self._failure

    @property
    def usage(self) -> Usage:
        """After the run."""
        return Usage(
            wall=self._wall,
            client_cpu=self._cpu,
            engine_cpu=self._engine_cpu,
            client_memory=self._peaks["client"],
            engine_memory=self._peaks["engine"],
            emulated=dict(Counter(self._emulated.values())),
        )

    def run(self, arguments: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path) -> str:
        """Run a client to its end; its standard output. Its standard error goes to the log. Threads may share a meter.

        :raises ToolError: it failed.
        """
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(argument) for argument in arguments],
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
            with self._lock:
                self._clients.add(process.pid)
            try:
                assert process.stdout is not None
                with process.stdout as stdout:
                    output = stdout.read()
            except BaseException:
                # Ctrl-C: a client that goes on would still build when the next benchmark measures.
                process.terminate()
                raise
            finally:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
        with self._lock:
            self._clients.discard(process.pid)
            self._cpu += used.ru_utime + used.ru_stime
        if process.returncode != 0:
            raise ToolError(
                f"{Path(arguments[0]).name} ended with exit code {process.returncode}",
                remedy=f"read {self.log}",
            )
        return output.decode()

    def _look(self) -> None:
        try:
            while not self._ended.wait(INTERVAL):
                self._look_once()
        except Exception as failure:
            self._failure = failure

    def _look_once(self) -> None:
        with self._lock:
            clients = set(self._clients)
        memory = sum(resident_bytes(pid) for client in clients for pid in tree(client))
        self._peaks["client"] = max(self._peaks["client"], memory)
        self._peaks["engine"] = max(self._peaks["engine"], self.engine.anonymous_bytes())
        for pid in self.engine.processes():
            command = emulated_command(pid)
            if command:
                self._emulated[pid] = command


def tree(pid: int, proc: Path = _PROC) -> list[int]:
    """The process and its descendants."""
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        # A process, or one of its threads, may end between any two of these.
        with suppress(OSError):
            for thread in list((proc / str(found[-1]) / "task").iterdir()):
                with suppress(OSError):
                    left += map(int, (thread / "children").read_text().split())
    return found


def resident_bytes(pid: int, proc: Path = _PROC) -> int:
    """Resident memory of a process, 0 if it has ended."""
    try:
        return int((proc / str(pid) / "statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def emulated_command(pid: int, proc: Path = _PROC) -> str | None:
    """What a process runs under QEMU, as its first words; None if it runs natively or has ended."""
    try:
        if "qemu" not in str((proc / str(pid) / "exe").readlink()):
            return None
        words = (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    # binfmt_misc gives QEMU its own name, the program's path, and then the program's own words.
    return " ".join(words[1:5]).strip() or "?"
