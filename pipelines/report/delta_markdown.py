"""A run against the last release, in Markdown: for a comment on a pull request, or a job's summary. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pipelines.delta import Delta, PlatformDelta
from pipelines.model import Finding
from pipelines.report.delta import (
    COLUMNS,
    cells,
    changed_in,
    headline,
    lines,
    sizes,
    unscanned,
    versions,
    why,
)  # fmt: skip
from pipelines.report.markdown import code, escaped, table

LIMIT = 60_000
"""Characters; GitHub takes 65,536 in a comment, and refuses a longer one."""

ROWS = 40
"""Of each table; what is more is in `sealift delta --json`."""

T = TypeVar("T")

_TITLE = "## Against the last release"


def markdown(delta: Delta) -> str:
    """A whole comment: what changed in short, then each image's parts folded away; as much as a comment may have."""
    text = "\n".join([_TITLE, "", escaped(headline(delta)), "", *_overview(delta)])
    left = 0
    for one in changed_in(delta):
        section = "" if left else "\n".join(_section(one))
        if left or len(text) + len(section) > LIMIT:
            left += 1
        else:
            text += f"\n{section}"
    more = f"\n*The parts of {left} image(s) are left out here, for length: `sealift delta --json` has them.*\n"
    return text + (more if left else "")


def not_compared(why_not: str) -> str:
    """The same, where there was no way to compare."""
    return f"{_TITLE}\n\nNot compared: {escaped(why_not)}\n"


def _overview(delta: Delta) -> Iterator[str]:
    yield from _few(COLUMNS, list(changed_in(delta)), lambda one: list(map(escaped, cells(one))))
    said = list(lines(delta))
    yield from (f"- {code(one.service)}: {escaped(line)}" for one, line in said[: ROWS * 2])
    if len(said) > ROWS * 2:
        yield f"- and {len(said) - ROWS * 2} more"
    yield ""


def _section(one: PlatformDelta) -> Iterator[str]:
    parts = list(_parts(one))
    if not parts:
        return
    yield f"<details><summary>{escaped(str(one.unit))}</summary>"
    yield ""
    yield from parts
    yield "</details>"
    yield ""


def _parts(one: PlatformDelta) -> Iterator[str]:
    yield from _few(
        ("layer", "before", "after", "difference"),
        one.layers,
        lambda layer: (code(_short(layer.command or "?")), *map(escaped, sizes(layer))),
    )
    yield from _few(
        ("package", "kind", "what", "before", "after"),
        one.packages,
        lambda item: [escaped(_short(text)) for text in (item.name, item.kind, item.what, *versions(item))],
    )
    found = [(item.finding, "new", why(item.known_since)) for item in one.new]
    found += [(finding, "fixed", "") for finding in one.fixed]
    yield from _few(("vulnerability", "what", "severity", "package", "fixed in", "by"), found, lambda row: _found(*row))
    if not one.scanned:
        yield f"{escaped(unscanned(one).capitalize())}."
        yield ""
    yield from _few(
        ("new licence", "of"),
        list(one.licences.items()),
        lambda item: (escaped(_short(item[0])), escaped(_short(", ".join(item[1])))),
    )


def _found(finding: Finding, what: str, cause: str) -> tuple[str, ...]:
    name = escaped(_short(f"{finding.package} {finding.installed}"))
    return escaped(finding.id), what, finding.severity.name, name, escaped(_short(finding.fixed or "")), cause


def _few(head: Sequence[str], items: Sequence[T], row: Callable[[T], Sequence[str]]) -> Iterator[str]:
    """A table of the first items."""
    yield from table(head, [row(item) for item in items[:ROWS]])
    if len(items) > ROWS:
        yield f"{len(items) - ROWS} more are in `sealift delta --json`."
        yield ""


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:120]}…"
