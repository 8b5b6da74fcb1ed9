"""Looks at the arguments and the environment of every process of this machine, over and over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.canaries import Hunt

PAUSE = 0.05
"""Seconds between two looks: who is there for a shorter time may be missed."""


@dataclass(frozen=True)
class Sight:
    """A canary in a process: in its arguments, or else in that variable of its environment."""

    canary: str
    program: str
    variable: str | None


@dataclass
class Onlooker:
    """What was seen, each pair of arguments and environment once."""

    seen: set[tuple[bytes, bytes]] = field(default_factory=set)
    looks: int = 0

    def look(self) -> None:
        """Once."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                self.seen.add(((folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()))
            except OSError:
                continue
        self.looks += 1

    def sights(self, hunt: Hunt) -> set[Sight]:
        """The canaries that were seen, and where."""
        found = set()
        for arguments, environment in self.seen:
            program = _program(arguments)
            found |= {Sight(canary, program, None) for canary in hunt.named(arguments)}
            for entry in environment.split(b"\0") if hunt.named(environment) else ():
                name = entry.partition(b"=")[0].decode(errors="replace")
                found |= {Sight(canary, program, name) for canary in hunt.named(entry)}
        return found


def _program(arguments: bytes) -> str:
    """Name of the program and, as these say what it is, of the next word that is no option."""
    words = [word.decode(errors="replace") for word in arguments.split(b"\0") if word]
    if not words:
        return ""
    named = [word for word in words[1:] if not word.startswith("-")]
    return " ".join([Path(words[0]).name, *named[:1]])


@contextmanager
def looking_on() -> Iterator[Onlooker]:
    """From now until the block ends."""
    onlooker, over = Onlooker(), threading.Event()

    def look() -> None:
        while not over.is_set():
            onlooker.look()
            over.wait(PAUSE)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield onlooker
    finally:
        over.set()
        thread.join()
