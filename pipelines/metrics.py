"""What runs are measured by: every metric that there is, and the values of one run.

Pure, and no bookkeeping of its own: the values come from the run's trace and from what it examined. Attributes take few
values however much is released: no digest, no commit and no run's id is one. Names and attributes that `registry status
--openmetrics` has too are the same there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pipelines.findings import dismissed, excused
from pipelines.model import Examined, Severity, Unit
from pipelines.plan import Plan
from pipelines.release import by_severity
from pipelines.trace import Trace

Outcome = Literal["success", "refused", "error", "cancelled"]
"""How a run ended; `refused` is the gate's verdict."""

_SHORT = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_LONG = (5, 10, 30, 60, 120, 180, 300, 450, 600, 900, 1800, 3600)
"""Bounds of histograms, in seconds. A goal has to be one: between bounds nobody knows what was met."""

_PUSHES = ("copy", "tag")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric, as OpenTelemetry names it.

    :param unit: in UCUM, as in `s` or `By`; what is counted stands in braces.
    :param bounds: of a histogram's buckets, in its unit.
    """

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    about: str
    attributes: tuple[str, ...]
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Value:
    """What is added to a counter, recorded in a histogram, or what a gauge is now."""

    metric: Metric
    value: float
    attributes: Mapping[str, str]


def _counter(name: str, unit: str, about: str, *attributes: str) -> Metric:
    return Metric(name=name, kind="counter", unit=unit, about=about, attributes=("environment", *attributes))


def _seconds(name: str, bounds: tuple[float, ...], about: str, *attributes: str) -> Metric:
    named = ("environment", *attributes)
    return Metric(name=name, kind="histogram", unit="s", about=about, attributes=named, bounds=bounds)


def _gauge(name: str, unit: str, about: str, *attributes: str) -> Metric:
    return Metric(name=name, kind="gauge", unit=unit, about=about, attributes=("environment", "service", *attributes))


RUNS = _counter("sealift.runs", "{run}", "Runs that ended.", "command", "outcome")
RUN = _seconds("sealift.run.duration", _LONG, "From a command's begin to its end.", "command", "outcome")
STAGE = _seconds("sealift.stage.duration", _SHORT, "What a stage took.", "stage", "result")
QUEUE = _seconds("sealift.stage.queue.duration", _SHORT, "How long it waited for a slot under --jobs.", "stage")
IMAGES = _counter("sealift.images", "{image}", "Images of one platform, by how they came to be.", "service", "made")
STEPS = _counter("sealift.engine.steps", "{step}", "Steps of the engine, and whether it had the result.", "cached")
PUSHES = _counter("sealift.pushes", "{push}", "Copies to a registry and moves of tags.", "stage", "outcome")
SIZE = _gauge("sealift.image.size", "By", "Compressed bytes, as the last run made it.", "platform")
BAD = _gauge("sealift.image.vulnerabilities", "{vulnerability}", "As last scanned, of the worst platform.", "severity")
EXCEPTIONS = _gauge("sealift.exceptions", "{exception}", "Ignores and VEX that the last run needed.", "kind")

METRICS = (RUNS, RUN, STAGE, QUEUE, IMAGES, STEPS, PUSHES, SIZE, BAD, EXCEPTIONS)


def outcome_of(trace: Trace, *, refused: bool) -> Outcome:
    """How the run ended."""
    if trace.result == "success":
        return "success"
    if trace.result == "cancellation":
        return "cancelled"
    return "refused" if refused else "error"


def values(
    trace: Trace, environment: str, *, refused: bool = False, plan: Plan | None = None, units: Sequence[Examined] = ()
) -> tuple[Value, ...]:
    """The values of one run.

    What can be counted is told as 0 too, so that the first failure is a step from 0 to 1: of a series that only begins
    with it, Prometheus sees no increase.

    :param environment: what it released to; empty if it ended before that was known.
    :param units: what it examined, by this plan.
    """
    found = [*_run(trace, outcome_of(trace, refused=refused)), *_stages(trace), *_steps(trace), *_pushes(trace)]
    if plan is not None and units:
        found += [*_images(units), *_sizes(units), *_vulnerabilities(units), *_exceptions(plan, units)]
    where = {"environment": environment or "unknown"}
    return tuple(Value(metric=metric, value=value, attributes=where | more) for metric, value, more in found)


_Found = Iterator[tuple[Metric, float, dict[str, str]]]


def _run(trace: Trace, outcome: Outcome) -> _Found:
    for name in get_args(Outcome):
        yield RUNS, int(name == outcome), {"command": trace.command, "outcome": name}
    yield RUN, trace.wall_seconds, {"command": trace.command, "outcome": outcome}


def _stages(trace: Trace) -> _Found:
    for stage in trace.stages:
        yield STAGE, stage.seconds, {"stage": stage.stage, "result": stage.result}
        yield QUEUE, max(0.0, stage.start - stage.asked), {"stage": stage.stage}


def _steps(trace: Trace) -> _Found:
    """Nothing, if the engine's spans were not recorded here."""
    if trace.steps is not None:
        for cached in (True, False):
            count = sum(step.cached is cached for step in trace.steps)
            yield STEPS, count, {"cached": str(cached).lower()}


def _pushes(trace: Trace) -> _Found:
    """What was cancelled because something else failed is no failure of its own."""
    ended = Counter((stage.stage, stage.result) for stage in trace.stages if stage.stage in _PUSHES)
    for stage in _PUSHES if ended else ():
        yield PUSHES, ended[stage, "success"], {"stage": stage, "outcome": "success"}
        failed = ended[stage, "failure"] + ended[stage, "error"]
        yield PUSHES, failed, {"stage": stage, "outcome": "failure"}


def _by_service(units: Sequence[Examined]) -> dict[str, list[Examined]]:
    found: dict[str, list[Examined]] = {}
    for unit in units:
        found.setdefault(unit.image.unit.service, []).append(unit)
    return found


def _images(units: Sequence[Examined]) -> _Found:
    for service, of in _by_service(units).items():
        made = Counter(unit.made for unit in of)
        for name in ("built", "cached", "reused", "elsewhere"):
            yield IMAGES, made[name], {"service": service, "made": name}


def _sizes(units: Sequence[Examined]) -> _Found:
    for unit in units:
        of = unit.image.unit
        yield SIZE, unit.image.size, {"service": of.service, "platform": str(of.platform)}


def _vulnerabilities(units: Sequence[Examined]) -> _Found:
    """Of services whose images were all scanned: of others nobody knows."""
    for service, of in _by_service(units).items():
        if all(unit.scan for unit in of):
            counts = [by_severity([unit]) for unit in of]
            for severity in reversed(Severity):
                worst = max(count[severity] for count in counts)
                yield BAD, worst, {"service": service, "severity": severity.name.lower()}


def _exceptions(plan: Plan, units: Sequence[Examined]) -> _Found:
    """How many entries and statements a service needed, on whichever of its platforms."""
    needed = {
        "ignore": _services([item.units for item in excused(plan, units)]),
        "vex": _services(dismissed(units).values()),
    }
    for service in _by_service(units):
        for kind, count in needed.items():
            yield EXCEPTIONS, count[service], {"service": service, "kind": kind}


def _services(each: Iterable[Sequence[Unit]]) -> Counter[str]:
    return Counter(service for units in each for service in {unit.service for unit in units})
