"""A trace for people: the critical path, time by stage, and the caches. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.report.trace import Cache, Link, by_stage, cache, critical_path, waited
from pipelines.trace import Trace

_NARROW = 100

_BAR = 24
"""Columns of the picture of when a stage ran."""

_ELSEWHERE = {
    "collector": "the engine's spans went to the collector that the OTEL_ variables name",
    "caller": "the engine's spans went to the client that called this command",
    "off": "OpenTelemetry is turned off (OTEL_SDK_DISABLED)",
    "here": "",
}


def render(trace: Trace, *, width: int) -> RenderableType:
    """Everything that there is to say about the run's time."""
    path = critical_path(trace.stages)
    total = sum(link.stage.seconds for link in path)
    title = Text(f"Run {trace.run or '(without a name)'} · {trace.command} · {trace.result}", style="bold")
    wall = Text(f"{trace.wall_seconds:.1f} s, of which {total:.1f} s on the critical path")
    chain = _path(path, trace.wall_seconds) if width >= _NARROW else _lines(path, trace.wall_seconds)
    return Group(title, wall, Text(), chain, Text(), _stages(trace), Text(), *_rest(trace))


def _lines(path: list[Link], wall: float) -> RenderableType:
    """The path for a narrow terminal, two lines for each stage."""
    lines = [Text("critical path", style="bold")]
    for link in path:
        stage = link.stage
        lines.append(Text(f"{stage.stage} {stage.unit}".strip(), overflow="fold"))
        took = f"{stage.seconds:.1f} s ({_share(stage.seconds, wall)}) from {stage.start:.1f} s"
        lines.append(Text(f"  {took}, waited {link.waited:.1f} s", style="dim", overflow="fold"))
    return Group(*lines)


def _path(path: list[Link], wall: float) -> Table:
    """Each stage on the path, with the waiting before it and a picture of its place in the run."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("critical path", no_wrap=True)
    table.add_column("of", overflow="fold")
    for name in ("start s", "s", "share", "waited s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=_BAR)
    for link in path:
        stage = link.stage
        table.add_row(
            stage.stage,
            stage.unit,
            f"{stage.start:.1f}",
            f"{stage.seconds:.1f}",
            _share(stage.seconds, wall),
            f"{link.waited:.1f}",
            _bar(stage.start, stage.seconds, wall),
        )
    return table


def _share(seconds: float, wall: float) -> str:
    return f"{seconds / wall:.0%}" if wall else ""


def _bar(start: float, seconds: float, wall: float) -> str:
    """Where in the run the stage was at work; at least one column."""
    if not wall:
        return ""
    first = min(_BAR - 1, int(start / wall * _BAR))
    length = max(1, min(_BAR - first, round(seconds / wall * _BAR)))
    return " " * first + "█" * length


def _stages(trace: Trace) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("all stages", no_wrap=True)
    for name in ("how many", "s in all"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, (count, seconds) in by_stage(trace.stages).items():
        table.add_row(name, str(count), f"{seconds:.1f}")
    return table


def _rest(trace: Trace) -> Iterator[Text]:
    limit = f" (--jobs {trace.jobs})" if trace.jobs else ""
    yield Text(f"Waited for a free slot{limit}: {waited(trace.stages):.1f} s")
    yield Text(f"Images from cache: {_cache(cache(trace.units))}")
    if trace.steps is None:
        yield Text(f"Engine steps from cache: not known here; {_ELSEWHERE[trace.engine]}", overflow="fold")
    else:
        yield Text(f"Engine steps from cache: {_cache(cache(trace.steps))}")


def _cache(found: Cache) -> str:
    count = found.hits + found.misses
    others = f"; the others took {found.miss_seconds:.1f} s" if found.misses else ""
    return f"{found.hits} of {count}, in {found.hit_seconds:.1f} s{others}"
