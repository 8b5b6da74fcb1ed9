"""How things are written: as wide as the terminal, without colours where they are not wanted, whole into a pipe."""

from __future__ import annotations

import os
import sys
import textwrap
from contextlib import suppress
from typing import TextIO

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ci.progress import Lines, View
from pipelines.errors import SealiftError
from pipelines.report import summary
from pipelines.report.plain import Harmless, harmless


def _console(*, stderr: bool, width: int | None = None) -> Console:
    """A console that honours NO_COLOR (https://no-color.org) to the letter: no colour, and no bold or dim either."""
    # Something else than UTF-8 may be wanted: a "→" that it does not have is no reason to fail.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    colours = None if os.environ.get("NO_COLOR") else "auto"
    width = width or columns(sys.stderr if stderr else sys.stdout)
    console = Harmless(stderr=stderr, highlight=False, width=width, color_system=colours)  # type: ignore[arg-type]
    if console.is_dumb_terminal:
        console.height = 25  # Rich takes a dumb terminal for one of 80 by 25, unless it is told both
    return console


def columns(stream: TextIO) -> int | None:
    """Columns of the terminal; None where there is none."""
    if not stream.isatty():
        return None
    with suppress(OSError, ValueError):
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(stream.fileno()).columns or None
    return None


def errors() -> Console:
    """Progress and errors go to standard error; standard output is for results."""
    return _console(stderr=True)


def answers() -> Console:
    """Standard output: as wide as the terminal, or as wide as `summary.txt` where there is none."""
    return _console(stderr=False, width=columns(sys.stdout) or summary.WIDTH)


def observer(console: Console) -> View | Lines:
    """A live view where there is a terminal that can show one, else lines. FORCE_COLOR makes no terminal of a pipe."""
    if console.file.isatty() and not console.is_dumb_terminal:
        return View(console)

    def write(line: str) -> None:
        width = _width(console)
        squeezed = line if width is None or cell_len(line) <= width else " ".join(line.split())
        say(console, Text(fold(squeezed, width)))

    return Lines(write)


def complain(error: SealiftError) -> None:
    """An error, on standard error."""
    console = errors()
    text = Text(fold(clean(f"error: {error}"), _width(console)))
    text.stylize("bold red", 0, len("error:"))
    say(console, text)


def say(console: Console, text: Text) -> None:
    """The text as it is: what is still too long is left to the terminal, which can give it back whole."""
    console.print(text, soft_wrap=True)


def report(line: str) -> None:
    """A line of what is being set up, on standard error."""
    console = errors()
    say(console, Text(fold(clean(line), _width(console))))


def clean(text: str) -> str:
    """Text without what would command a terminal: a tool's colours are taken out, other control characters shown."""
    return harmless(click.unstyle(text).replace("\r\n", "\n"))


def fold(text: str, width: int | None) -> str:
    """Each line broken between words, and what follows indented; a word that is longer than a line stays whole."""
    if width is None:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(
            line, width, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)


def _width(console: Console) -> int | None:
    """Columns of the terminal; None where there is none: lines in a log or a pipe are not broken."""
    return console.width if console.file.isatty() else None
