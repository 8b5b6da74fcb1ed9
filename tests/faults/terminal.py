"""A real pseudo-terminal of a given size, and what stands on its screen in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte

_COLOUR = re.compile(r"\x1b\[[\d;:]*m")
_ESCAPE = re.compile(r"\x1b(?:\[[\d;:?]*[A-Za-z]|[^\[])")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a command wrote to its terminal.

    :param raw: every character, escape sequences included.
    :param screen: the lines that stand there when it has ended, without the empty ones at the end.
    """

    code: int
    raw: str
    screen: list[str]

    @property
    def text(self) -> str:
        """The screen as one line of words, for sentences that go over several lines."""
        return " ".join(" ".join(self.screen).split())

    @property
    def colours(self) -> list[str]:
        """Sequences that set a colour, or bold, or dim; `SGR` in ECMA-48."""
        return _COLOUR.findall(self.raw)

    @property
    def escapes(self) -> list[str]:
        """All escape sequences."""
        return _ESCAPE.findall(self.raw)

    @property
    def written(self) -> list[str]:
        """The lines as they were written, before the terminal itself would break those that are too long."""
        return [part for line in _ESCAPE.sub("", self.raw).split("\n") for part in line.split("\r")]


def in_terminal(
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    columns: int = 80,
    rows: int = 500,
    stdout: int | None = None,
) -> Shown:
    """Run a command with a terminal for all three of its files, to its end.

    :param stdout: a file descriptor for standard output instead: the terminal is for errors only then.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    chunks: list[bytes] = []

    def read() -> None:
        while True:
            try:
                chunks.append(os.read(ours, 65536))
            except OSError:  # Linux says EIO when nobody holds the other end
                return

    process = subprocess.Popen(
        arguments, cwd=cwd, env=dict(env), stdin=theirs, stdout=stdout or theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    code = process.wait(timeout=300)
    reader.join(timeout=30)
    os.close(ours)
    raw = b"".join(chunks).decode()
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(raw)
    return Shown(code=code, raw=raw, screen=[line.rstrip() for line in "\n".join(screen.display).rstrip().split("\n")])
