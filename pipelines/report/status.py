"""How registries are, for people and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from pipelines.status import Check, Goals, ImageState, RegistryState, checks

_NARROW = 76
_MARKS = {True: "✓", False: "✗", None: "-"}
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")


def render(state: RegistryState, goals: Goals, *, width: int) -> RenderableType:
    """One registry: its own figures, then a line for each service."""
    found = {(item.name, item.service): item for item in checks(state, goals)}
    parts: list[RenderableType] = [Text(str(state.target), style="bold")]
    parts += [Text(f"  {mark} {label:<10} {text}") for mark, label, text in _lines(state, found, goals)]
    if state.services:
        parts.append(_table(state.services, found) if width >= _NARROW else _blocks(state.services, found))
    return Group(*parts)


def _lines(
    state: RegistryState, found: dict[tuple[str, str | None], Check], goals: Goals
) -> Iterator[tuple[str, str, str]]:
    """Mark, label and text."""
    if state.problem:
        yield "✗", "answers" if state.up else "down", state.problem
    if not state.up:
        return
    if state.latency is not None:
        yield "✓", "latency", f"{state.latency * 1000:.0f} ms"
    if state.storage is not None:
        where = "on disk" if state.on_disk else "in the services' blobs, each once"
        full = ""
        if state.full is not None:
            full = f"; its disk or quota is {state.full:.0%} full (goal: below {goals.storage:.0%})"
        yield _MARKS[found["storage", None].met], "storage", f"{decimal(state.storage)} {where}{full}"
    pushed = state.push_success
    text = (
        "no run is recorded here"
        if pushed is None
        else f"{state.published} of the last {state.runs} runs ended published (goal: above {goals.push:.0%})"
    )
    yield _MARKS[found["push", None].met], "pushes", text
    if pull := state.pull:
        took = f"{pull.seconds:.1f} s" if pull.finished else f"given up after {pull.seconds:.0f} s"
        size = f" ({decimal(pull.size)})" if pull.finished else ""
        mark = _MARKS[found["pull", pull.service].met]
        yield mark, "pull", f"{took} for {pull.service} {pull.platform}{size} (goal: below {goals.pull:g} s)"


def _cells(item: ImageState, found: dict[tuple[str, str | None], Check]) -> tuple[str, ...]:
    """Release, sizes, vulnerabilities, date of the scan, signatures."""
    if item.release is None:
        return ("no release is recorded", "", "", "", "")

    def marked(name: str, text: str) -> str:
        return f"✗ {text}" if found[name, item.service].met is False else text

    sizes = ", ".join(f"{platform.removeprefix('linux/')} {decimal(size)}" for platform, size in item.sizes.items())
    if item.vulnerabilities is None:
        bad = "not scanned"
    else:
        counts = {name.lower(): item.vulnerabilities.get(name, 0) for name in _SEVERITIES}
        bad = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"
        bad += " (sample database)" if item.sample else ""
    when = f"{item.scanned:%Y-%m-%d}" if item.scanned else ""
    signed = marked("signed", f"{item.signed} of {item.signable}")
    return (item.version or item.release, marked("size", sizes), marked("critical", bad), when, signed)


_COLUMNS = ("release", "size", "vulnerabilities", "scanned", "signed")


def _table(services: Sequence[ImageState], found: dict[tuple[str, str | None], Check]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("service", *_COLUMNS):
        made.add_column(name, overflow="fold")
    for item in services:
        made.add_row(item.service, *(Text(cell) for cell in _cells(item, found)))
    return made


def _blocks(services: Sequence[ImageState], found: dict[tuple[str, str | None], Check]) -> Text:
    lines = []
    for item in services:
        lines.append(f"{item.service}")
        cells = zip(_COLUMNS, _cells(item, found), strict=True)
        lines += [f"  {name}: {cell}" for name, cell in cells if cell]
    return Text("\n".join(lines))


def verdict(states: Sequence[RegistryState], goals: Goals) -> str:
    """One line for all."""
    down = [str(state.target) for state in states if state.problem]
    missed = [item for state in states for item in checks(state, goals) if item.met is False]
    parts = [f"not all of {', '.join(down)} could be asked"] if down else []
    if missed:
        names = dict.fromkeys(f"{item.name} of {item.service}" if item.service else item.name for item in missed)
        parts.append(f"{len(missed)} goal{'' if len(missed) == 1 else 's'} missed: {', '.join(names)}")
    text = "; ".join(parts) or "every goal is met, as far as the values are known"
    return f"{text[0].upper()}{text[1:]}. Signatures were counted, not verified: 'sealift verify' does that."


def as_json(state: RegistryState, goals: Goals) -> dict[str, Any]:
    """One registry's part of the document."""
    pull = state.pull
    return {
        "registry": state.target.registry,
        "prefix": state.target.prefix,
        "up": state.up,
        "problem": state.problem,
        "latency_seconds": state.latency,
        "storage": {"bytes": state.storage, "on_disk": state.on_disk, "full": state.full},
        "pushes": {"runs": state.runs, "published": state.published, "success": state.push_success},
        "pull": pull
        and {
            "service": pull.service, "platform": pull.platform, "bytes": pull.size, "seconds": pull.seconds,
            "finished": pull.finished,
        },
        "services": [
            {
                "service": item.service, "release": item.release, "version": item.version, "sizes": dict(item.sizes),
                "vulnerabilities": None if item.vulnerabilities is None else dict(item.vulnerabilities),
                "scanned": item.scanned.isoformat() if item.scanned else None, "sample_database": item.sample,
                "signatures": {"attached": item.signed, "of": item.signable, "verified": False},
            }
            for item in state.services
        ],
        "goals": [
            {"name": item.name, "service": item.service, "value": item.value, "goal": item.goal, "met": item.met}
            for item in checks(state, goals)
        ],
    }  # fmt: skip
