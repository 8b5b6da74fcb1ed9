"""What stays at a registry and what goes, for people and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from pipelines.key import is_key_tag
from pipelines.model import RECORDS
from pipelines.registry.removal import Removed
from pipelines.registry.survey import Survey
from pipelines.retention import Decision, Judged

_NARROW = 76
_BY_AGE = "no rule keeps it"
_LOOSE = "no tag names it, nothing needs it"
_RECORD = "all its images go"
_SHORT = len("key-0123456789ab")


def render(survey: Survey, decision: Decision, removed: Removed | None, *, now: datetime, width: int) -> RenderableType:
    """What goes, what stays, each with the reason; then what that comes to.

    :param removed: what became of what was to go; None if nothing was deleted, only shown.
    """
    left = {item.digest: why for item, why in removed.left} if removed else {}
    verb = "goes" if removed is None else "deleted"
    gone = [item for item in decision.going if item.digest not in left]
    parts: list[RenderableType] = [Text(f"{survey.target}", style="bold")]
    staying = [item for item in decision.judged if item.stays]
    rows = (
        (verb, [(item, _why(item)) for item in gone]),
        ("NOT deleted", [(item, left[item.digest]) for item in decision.going if item.digest in left]),
        ("stays", [(item, _first(item)) for item in staying if item.tags]),
    )
    for title, items in rows:
        if items:
            parts.append(_table(title, items, now) if width >= _NARROW else _blocks(title, items, now))
    loose = Counter((item.service, item.reasons[0]) for item in staying if not item.tags)
    parts += [Text(f"{count} of {service} without a tag: {why}") for (service, why), count in sorted(loose.items())]
    parts.append(Text(sums(survey, decision, removed)))
    return Group(*parts)


def sums(survey: Survey, decision: Decision, removed: Removed | None) -> str:
    """One sentence, or two."""
    staying = [item for item in decision.judged if item.stays]
    kept = f"{_counted(staying)} stay, {decimal(decision.held)}."
    if not decision.going:
        return f"Nothing goes from {survey.target}. {kept}"
    if removed is None:
        alone = f"only they need {decimal(decision.freed)}"
        return f"{_counted(decision.going)} would go from {survey.target}; {alone}. {kept}"
    rest = f" {_counted([item for item, _ in removed.left])} could not be deleted." if removed.left else ""
    freed = "" if removed.left else f"; only they needed {decimal(decision.freed)}"
    return f"{_counted(removed.gone)} deleted from {survey.target}{freed}.{rest} {kept}"


def collected(before: int, after: int) -> str:
    """What a garbage collection freed."""
    freed = decimal(max(0, before - after))
    return f"Garbage collected: {decimal(before)} on disk before, {decimal(after)} after, {freed} freed."


def _counted(items: Sequence[Judged]) -> str:
    records = sum(item.service == RECORDS for item in items)
    untagged = sum(item.service != RECORDS and not item.tags for item in items)
    images = len(items) - records - untagged
    loose = f", {untagged} without a tag" if untagged else ""
    return f"{images} image{'' if images == 1 else 's'}{loose} and {records} record{'' if records == 1 else 's'}"


def _why(item: Judged) -> str:
    if item.service == RECORDS:
        return _RECORD
    return _BY_AGE if item.tags else _LOOSE


def _first(item: Judged) -> str:
    more = len(item.reasons) - 1
    return item.reasons[0] + (f" (+{more})" if more else "")


def _named(item: Judged) -> str:
    """Its tags. One that says what it was made of is shortened: 68 characters would hide the others."""
    return ", ".join(f"{tag[:_SHORT]}…" if is_key_tag(tag) else tag for tag in item.tags)


def _age(when: datetime | None, now: datetime) -> str:
    if when is None:
        return "?"
    hours = (now - when).total_seconds() / 3600
    return f"{hours / 24:.0f} d" if hours >= 24 else f"{max(0, hours):.0f} h"


def _table(title: str, items: Sequence[tuple[Judged, str]], now: datetime) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column(title, overflow="fold")
    made.add_column("tags", overflow="fold", ratio=2)
    made.add_column("digest", no_wrap=True)
    made.add_column("size", no_wrap=True, justify="right")
    made.add_column("age", no_wrap=True, justify="right")
    made.add_column("because", overflow="fold", ratio=3)
    for item, why in items:
        made.add_row(
            item.service,
            Text(_named(item) or "-"),
            item.digest.short,
            decimal(item.size),
            _age(item.known, now),
            Text(why),
        )
    return made


def _blocks(title: str, items: Sequence[tuple[Judged, str]], now: datetime) -> Text:
    """The same for a terminal that is too narrow for a table."""
    lines = [title]
    for item, why in items:
        lines.append(f"  {item.service} {_named(item) or item.digest.short}")
        lines.append(f"    {decimal(item.size)}, {_age(item.known, now)}: {why}")
    return Text("\n".join(lines))


def as_json(survey: Survey, decision: Decision, removed: Removed | None) -> dict[str, Any]:
    """One registry's part of the document."""
    return {
        "registry": survey.target.registry,
        "prefix": survey.target.prefix,
        "stays": [_item(item) | {"reasons": list(item.reasons)} for item in decision.judged if item.stays],
        "goes": [_item(item) | {"reasons": [_why(item)]} for item in decision.going],
        "bytes_staying": decision.held,
        "bytes_going": decision.freed,
        "deleted": None if removed is None else [_item(item) for item in removed.gone],
        "not_deleted": None if removed is None else [_item(item) | {"why": why} for item, why in removed.left],
        "failure": str(removed.failure) if removed and removed.failure else None,
    }


def _item(item: Judged) -> dict[str, Any]:
    return {
        "service": item.service,
        "digest": item.digest,
        "tags": list(item.tags),
        "bytes": item.size,
        "since": item.known.isoformat() if item.known else None,
    }
