"""What decided about a run's time, and what its caches saved. Pure: the same trace gives the same answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.trace import FORMAT, Made, Stage, Step, Trace

_AT_ONCE = 0.01
"""Seconds within which ends of stages count as the same: which of them something waited for, times do not say."""

_ROUNDED = 0.002
"""Seconds by which times that were rounded to milliseconds can be wrong, one against the other."""

_IDLE = 0.05
"""Seconds after which a stage was not asked for because another one ended: there was work in between that is none."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A stage on the critical path; `waited` is the time from the end of the one before it to its start."""

    stage: Stage
    waited: float


@dataclass(frozen=True, kw_only=True)
class Cache:
    """How often something was there already and how often not, and the seconds that both took."""

    hits: int
    misses: int
    hit_seconds: float
    miss_seconds: float

    def as_json(self) -> dict[str, Any]:
        """For `trace --json`."""
        return {
            "hits": self.hits,
            "misses": self.misses,
            "hit_seconds": round(self.hit_seconds, 3),
            "miss_seconds": round(self.miss_seconds, 3),
        }


def critical_path(stages: Sequence[Stage]) -> list[Link]:
    """The chain of stages that the end of the run waited for, first to last.

    A stage is asked for as soon as the last thing that it needs is there. So what it needed is what ended last before
    that; where it comes later than that, the last stage of the same image.
    """
    chain: list[Link] = []
    at = max(stages, key=lambda stage: stage.end, default=None)
    while at is not None:
        before = _before(at, stages)
        chain.append(Link(stage=at, waited=round(max(0.0, at.start - (before.end if before else 0.0)), 3)))
        at = before
    return chain[::-1]


def _before(stage: Stage, stages: Iterable[Stage]) -> Stage | None:
    """The stage that this one was waiting for when it was asked for."""
    # Strictly before in order, so that stages of no length make no circle.
    order = (stage.start, stage.end)
    ended = [other for other in stages if other.end <= stage.asked + _ROUNDED and (other.start, other.end) < order]
    if not ended:
        return None
    last = max(other.end for other in ended)
    own = [other for other in ended if other.unit == stage.unit and " " in stage.unit]
    if own and stage.asked - last > _IDLE:
        return max(own, key=lambda other: other.end)
    service = stage.unit.split(" ")[0]
    together = [other for other in ended if other.end >= last - _AT_ONCE]
    return max(together, key=lambda other: (other in own, other.unit.split(" ")[0] == service, other.end))


def waited(stages: Iterable[Stage]) -> float:
    """Seconds during which at least one stage had all that it needed but a slot."""
    total, until = 0.0, 0.0
    for begin, end in sorted((stage.asked, stage.start) for stage in stages):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def by_stage(stages: Iterable[Stage]) -> dict[str, tuple[int, float]]:
    """Stage → how many there were and the sum of their seconds, the longest first."""
    sums: dict[str, tuple[int, float]] = {}
    for stage in stages:
        count, seconds = sums.get(stage.stage, (0, 0.0))
        sums[stage.stage] = (count + 1, seconds + stage.seconds)
    return dict(sorted(sums.items(), key=lambda item: -item[1][1]))


def cache(things: Iterable[Made | Step]) -> Cache:
    """Hits and misses of images or of the engine's steps."""
    known = list(things)
    hits = [thing.seconds for thing in known if thing.cached]
    misses = [thing.seconds for thing in known if not thing.cached]
    return Cache(hits=len(hits), misses=len(misses), hit_seconds=sum(hits), miss_seconds=sum(misses))


def as_json(trace: Trace) -> dict[str, Any]:
    """For `trace --json`; docs/observability.md describes each key."""
    path = critical_path(trace.stages)
    return {
        "format": FORMAT,
        "run": trace.run,
        "command": trace.command,
        "result": trace.result,
        "trace_id": trace.trace_id,
        "jobs": trace.jobs,
        "wall_seconds": trace.wall_seconds,
        "critical_path_seconds": round(sum(link.stage.seconds for link in path), 3),
        "critical_path": [
            {
                "stage": link.stage.stage,
                "unit": link.stage.unit,
                "waited": link.waited,
                "start": link.stage.start,
                "seconds": link.stage.seconds,
            }
            for link in path
        ],
        "stages": {
            name: {"count": count, "seconds": round(seconds, 3)}
            for name, (count, seconds) in by_stage(trace.stages).items()
        },
        "waited_seconds": round(waited(trace.stages), 3),
        "cache": {
            "units": cache(trace.units).as_json(),
            "steps": None if trace.steps is None else cache(trace.steps).as_json(),
        },
    }


def in_short(trace: Trace) -> Iterator[str]:
    """One line about the critical path and one about the caches, for the end of the summary."""
    path = critical_path(trace.stages)
    longest = sorted(path, key=lambda link: -link.stage.seconds)[:3]
    named = ", ".join(f"{link.stage.stage} {link.stage.seconds:.1f}" for link in longest)
    total = sum(link.stage.seconds for link in path)
    most = f" (most of it: {named})" if named else ""
    yield f"Time: {trace.wall_seconds:.1f} s, of which the critical path {total:.1f} s{most}"
    images = cache(trace.units)
    line = f"Cached: {images.hits} of {images.hits + images.misses} images"
    if trace.steps is not None:
        steps = cache(trace.steps)
        line += f", {steps.hits} of {steps.hits + steps.misses} engine steps (the others: {steps.miss_seconds:.1f} s)"
    yield line
