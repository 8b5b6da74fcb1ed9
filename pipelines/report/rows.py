"""Rows about images, as a table or, where that does not fit, as a few lines for each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

Rows = Iterable[Sequence[str]]
"""Cells of each image; the first two are its service and platform."""


def drawn(columns: Sequence[str], rows: Rows, *, wide: bool) -> RenderableType:
    """Rows that are drawn once.

    :param wide: whether a table fits.
    """
    return _table(columns, rows) if wide else _blocks(columns, rows)


def _table(columns: Sequence[str], rows: Rows) -> Table:
    """One line for each image."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(name, overflow="fold")
    for cells in rows:
        made.add_row(*map(Text, cells))
    return made


def _blocks(columns: Sequence[str], rows: Rows) -> Text:
    """A line for each cell, behind its column's name."""
    lines = []
    for service, platform, *others in rows:
        lines.append(f"{service} {platform}")
        lines += [f"  {name}: {cell}" for name, cell in zip(columns[2:], others, strict=True)]
    return Text("\n".join(lines))
