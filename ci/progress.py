"""What a person sees while a run goes on: a live view in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_SHOWN = 12


class Lines:
    """A line when a stage begins and one when it ends; for logs, pipes and CI. Also what the Dagger module prints."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._began = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def _line(self, mark: str, step: str, unit: str, rest: str) -> None:
        self._write(f"[{self._clock() - self._began:6.1f}s] {mark} {step:<16} {unit:<32} {rest}".rstrip())

    def started(self, step: str, unit: str) -> None:
        """Said, so that a log that goes no further shows what is being waited for."""
        self._line("…", step, unit, "")

    def finished(self, step: str, unit: str, seconds: float, note: str) -> None:
        self._line("✓", step, unit, f"{seconds:5.1f}s  {note}")

    def failed(self, step: str, unit: str, seconds: float) -> None:
        self._line("✗", step, unit, f"{seconds:5.1f}s")

    def say(self, message: str) -> None:
        self._line("!", message, "", "")


class View:
    """A live view: what is running now, what is done, and for how long."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[tuple[str, str], float] = {}
        self._done = 0
        self._began = time.monotonic()
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def started(self, step: str, unit: str) -> None:
        self._running[step, unit] = time.monotonic()

    def finished(self, step: str, unit: str, seconds: float, note: str) -> None:
        self._running.pop((step, unit), None)
        self._done += 1
        self._ended(("✓", "green"), step, unit, seconds, note)

    def failed(self, step: str, unit: str, seconds: float) -> None:
        self._running.pop((step, unit), None)
        self._ended(("✗", "red"), step, unit, seconds, "")

    def _ended(self, mark: tuple[str, str], step: str, unit: str, seconds: float, note: str) -> None:
        """In columns if they fit; else close together. Only the note is cut: the rest goes on in a second line."""
        width = self._console.width
        line = Text.assemble(mark, f" {step:<14} ", (f"{unit:<32} ", "cyan"), (f"{seconds:5.1f}s", "dim"), f"  {note}")
        line.rstrip()
        if line.cell_len > width:
            words = (mark, step, (unit, "cyan"), (f"{seconds:.1f}s", "dim"))
            line = Text(" ").join(Text(*word) if isinstance(word, tuple) else Text(word) for word in words if word[0])
            if note and line.cell_len < width - 2:
                line.append(f" {note}")
                line.truncate(width, overflow="ellipsis")
        lines = line.wrap(self._console, width - 2) if line.cell_len > width else [line]
        self._console.print(Text("\n  ").join(lines))

    def say(self, message: str) -> None:
        self._console.print(Text(f"! {message}", style="yellow"))

    def _render(self) -> RenderableType:
        now = time.monotonic()
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True)
        for (step, unit), began in list(self._running.items())[:_SHOWN]:
            table.add_row(
                Text(f"  {step}", style="bold"), Text(unit, style="cyan"), Text(f"{now - began:.0f}s", style="dim")
            )
        more = len(self._running) - _SHOWN
        status = f"{self._done} steps done, {len(self._running)} running, {now - self._began:.0f}s"
        parts: list[RenderableType] = [table, Spinner("dots", text=Text(status, style="dim"))]
        if more > 0:
            parts.insert(1, Text(f"  and {more} more", style="dim"))
        return Group(*parts)
