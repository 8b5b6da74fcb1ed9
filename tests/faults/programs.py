"""The processes of this computer, as /proc tells them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SETTLE_SECONDS = 60
"""How long something that is coming to its end may take to be gone; nothing waits longer than it must."""


def eventually(condition: Callable[[], bool], seconds: float = SETTLE_SECONDS) -> bool:
    """Wait until the condition holds; whether it did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@dataclass(frozen=True)
class Program:
    """A running process as /proc tells it."""

    pid: int
    parent: int
    command: str

    def started_with(self, variable: str, value: str) -> bool:
        """Was that in its environment?"""
        try:
            return f"{variable}={value}".encode() in Path(f"/proc/{self.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def network(self) -> str:
        """Its network namespace; empty if it has ended."""
        try:
            return str(Path(f"/proc/{self.pid}/ns/net").readlink())
        except OSError:
            return ""


def programs() -> Iterator[Program]:
    """Every process of this computer that has not ended."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # Field 2 is the name in parentheses; then state, parent (proc(5)).
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if fields[0] not in "ZX":
            yield Program(int(folder.name), int(fields[1]), command)


def below(pid: int) -> list[Program]:
    """The processes that a process has started, and those that these have started."""
    known = list(programs())
    found, parents = [], {pid}
    while children := [program for program in known if program.parent in parents]:
        found += children
        parents = {child.pid for child in children}
    return found
