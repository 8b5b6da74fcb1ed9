"""What was verified, for people: a table, or lines where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.verification import Check, Outcome, Verified

_WIDE = 76
"""Columns that the table needs."""
MARKS = {Outcome.OK: "✓", Outcome.REFUSED: "✗", Outcome.UNKNOWN: "?", Outcome.NOTED: "-"}
_STYLES = {Outcome.REFUSED: "bold red", Outcome.UNKNOWN: "bold yellow"}


def render(found: Sequence[Verified], *, width: int) -> RenderableType:
    """Each image with its checks; the verdict last."""
    parts: list[RenderableType] = []
    for item in found:
        parts.append(Text(item.reference, style="bold"))
        if item.index and not item.reference.endswith(item.index):
            parts.append(Text(f"  {item.index}"))
        parts.append(_table(item.checks) if width >= _WIDE else _lines(item.checks))
    return Group(*parts, Text(verdict(found)))


def _table(checks: Sequence[Check]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "check", "of", "found"):
        made.add_column(name, overflow="fold")
    for about, check in _joined(checks):
        cells = (MARKS[check.outcome], check.name, about, check.said)
        made.add_row(*(Text(cell, style=_STYLES.get(check.outcome, "")) for cell in cells))
    return made


def _lines(checks: Sequence[Check]) -> Text:
    text = Text()
    for about, check in _joined(checks):
        style = _STYLES.get(check.outcome, "")
        text.append(f"{MARKS[check.outcome]} {check.name}: {about}\n", style=style)
        if check.said:
            text.append(f"    {check.said}\n", style=style)
    return text


def _joined(checks: Sequence[Check]) -> Iterator[tuple[str, Check]]:
    """One for checks that say the same of several manifests, and what they are about."""
    for _, same in groupby(checks, key=lambda check: (check.name, check.outcome, check.said)):
        alike = list(same)
        yield ", ".join(check.about for check in alike), alike[0]


def verdict(found: Sequence[Verified]) -> str:
    """One line for all."""
    total = f"{len(found)} image{'' if len(found) == 1 else 's'}"
    refused = [item.reference for item in found if item.refused]
    unknown = [item.reference for item in found if item.unknown and not item.refused]
    parts = [f"{len(refused)} of {total} must not be used: {', '.join(refused)}"] if refused else []
    if unknown:
        parts.append(f"{len(unknown)} of {total} could not be looked at: {', '.join(unknown)}")
    return "; ".join(parts) if parts else f"{total}: everything verifies."
