"""What a later scan found, for people: a table, or lines where the terminal is narrow; then what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from pipelines.model import Database, Finding
from pipelines.plan import Rules
from pipelines.report.rows import drawn
from pipelines.rescanned import Rescanned, by_severity, in_order

_WIDE = 76
"""Columns that the table needs."""
_COLUMNS = ("service", "platform", "packages", "new", "all", "scanned before")


def render(
    found: Sequence[Rescanned], database: Database, rules: Rules, *, width: int, new_only: bool
) -> RenderableType:
    """Each image, then each finding that counts, then the verdict."""
    parts: list[RenderableType] = []
    if database.sample:
        parts.append(Text("! SAMPLE advisory database: this scan found only what the sample lists.", style="bold"))
    parts.append(drawn(_COLUMNS, map(_cells, found), wide=width >= _WIDE))
    for item in found:
        parts += [Text(f"✗ {item.unit}: {why}", style="bold red") for why in item.unseen]
        refused = item.refused(rules, new_only=new_only)
        shown = in_order([one for one in item.scan.findings if item.is_new(one) or one in refused])
        parts += [_finding(item, one, refused=one in refused) for one in shown]
    return Group(*parts, Text(verdict(found, rules, new_only=new_only)))


def _cells(item: Rescanned) -> tuple[str, ...]:
    last = f"{item.before.finished:%Y-%m-%d %H:%M}" if item.before else "no: all is new"
    new, every = counted(by_severity(item.new)), counted(by_severity(item.scan.findings))
    return item.unit.service, item.unit.platform, str(item.packages), new, every, last


def counted(counts: Mapping[str, int]) -> str:
    """`2 high, 1 low`."""
    return ", ".join(f"{count} {name.lower()}" for name, count in counts.items()) or "none"


def _finding(item: Rescanned, one: Finding, *, refused: bool) -> Text:
    new = "new: " if item.is_new(one) else ""
    fixed = f", fixed in {one.fixed}" if one.fixed else ""
    text = f"{'✗' if refused else '-'} {item.unit}: {new}{one.id} {one.severity.name} in {one.package}"
    return Text(f"{text} {one.installed}{fixed}", style="bold red" if refused else "")


def verdict(found: Sequence[Rescanned], rules: Rules, *, new_only: bool) -> str:
    """One line for all."""
    refused = sum(len(item.refused(rules, new_only=new_only)) for item in found)
    unseen = sum(bool(item.unseen) for item in found)
    what = "new findings" if new_only else "findings"
    parts = [f"{refused} {what} at {rules.severity.name} or above"] if refused else []
    if unseen:
        parts.append(f"{unseen} images of which the scan says nothing")
    total = f"{len(found)} image{'' if len(found) == 1 else 's'} scanned"
    return f"{total}: {'; '.join(parts)}." if parts else f"{total}: no {what} at {rules.severity.name} or above."
