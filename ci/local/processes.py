"""Processes that outlive the command that started them, and are later ended by id and by nothing else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of ours. `started` (clock ticks since boot) tells it from a later one with the same id.

    On a system without /proc `started` is empty, and the id alone identifies it.
    """

    pid: int
    started: str


def identify(pid: int, proc: Path = Path("/proc")) -> Process | None:
    """The process with that id as it is now; None if there is none, or only its unreaped remains."""
    try:
        # Field 2 is the program's name in parentheses and may hold spaces; 3 is the state, 20 the number of threads,
        # 22 the start (proc(5)).
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # While other threads end, the first one is remains already, and the process still holds its ports.
    remains = fields[0] in "ZX" and int(fields[17]) <= 1
    return None if remains else Process(pid, fields[19])


def alive(process: Process, proc: Path = Path("/proc")) -> bool:
    """Is this very process still running?"""
    return identify(process.pid, proc) == process


def end(
    process: Process,
    *,
    kill: Callable[[int, int], None] = os.kill,
    pause: Callable[[float], None] = time.sleep,
    proc: Path = Path("/proc"),
) -> bool:
    """Ask the process to end, insist after 10 s; returns whether it was running."""
    if not alive(process, proc):
        return False
    for sign in (signal.SIGTERM, signal.SIGKILL):
        kill(process.pid, sign)
        for _ in range(100):
            if not alive(process, proc):
                return True
            pause(0.1)
    return True
