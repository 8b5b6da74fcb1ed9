"""What a run tells of itself: each stage while it goes on, to OpenTelemetry and `trace.json` alike; metrics at its end.

Who starts the run decides where that goes; here is only what there is to tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.trace import Span, Tracer

from pipelines.errors import GateFailed
from pipelines.metrics import Value, values
from pipelines.model import Digest, Examined, Unit
from pipelines.plan import Plan
from pipelines.spans import Spans, first_of, result_of
from pipelines.trace import Made, Result, Stage, Step, Trace


@dataclass
class Doing:
    """A stage at work: what it made, for whoever runs it to say."""

    digest: Digest | None = None


def _id(span: Span) -> str | None:
    context = span.get_span_context()
    return otel.format_span_id(context.span_id) if context.is_valid else None


@dataclass
class Recorder:
    """Hears of every stage of one run. For one event loop; not for several threads."""

    tracer: Tracer
    command: str
    parent: Context = field(default_factory=Context)
    _began: float = field(default_factory=time.monotonic)
    _began_ns: int = field(default_factory=time.time_ns)
    _stages: list[Stage] = field(default_factory=list)
    _units: list[Made] = field(default_factory=list)
    _run: str | None = None
    _environment: str = ""
    _plan: Plan | None = None
    _examined: Sequence[Examined] = ()
    _refusal: GateFailed | None = None
    _ended: tuple[float, Result] | None = None

    def __post_init__(self) -> None:
        self._spans = Spans(self.tracer, self.command, self.parent, self._began_ns)

    def now(self) -> float:
        """Seconds since the run began, by a clock that nobody sets."""
        return time.monotonic() - self._began

    def releasing_to(self, environment: str) -> None:
        """The environment is known, by its name in the configuration."""
        self._environment = environment

    def planned(self, plan: Plan) -> None:
        """What is run is known."""
        self._plan = plan
        self._spans.planned(plan)

    def named(self, run: str) -> None:
        """The run has its id."""
        self._run = run
        self._spans.named(run)

    def examined(self, units: Sequence[Examined]) -> None:
        """What the images are is known, and which were there already."""
        self._examined = units
        for unit in units:
            self._units.append(Made(unit=str(unit.image.unit), cached=unit.cached, seconds=round(unit.seconds, 3)))
            self._spans.cached(unit.image.unit, unit.cached)

    def refused(self, refusal: GateFailed) -> None:
        """The gate's verdict is no: nothing failed, and the run still did not succeed."""
        self._refusal = refusal

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the run's span the current one: what is asked of the engine outside of any stage is beneath it."""
        with otel.use_span(self._spans.run, record_exception=False, set_status_on_exception=False):
            yield

    @contextmanager
    def stage(self, name: str, unit: str | Unit = "", *, asked: float | None = None) -> Iterator[Doing]:
        """A stage at work; its span is the current one.

        :param asked: when it had all that it needed, if it waited since.
        """
        start = self.now()
        asked = start if asked is None else asked
        span = self._spans.stage(name, unit, asked=asked, start=start)
        doing = Doing()
        failure: BaseException | None = None
        try:
            with otel.use_span(span, record_exception=False, set_status_on_exception=False):
                yield doing
        except BaseException as raised:
            failure = raised
            raise
        finally:
            end = self.now()
            self._spans.ended(span, unit, end, failure, doing.digest)
            self._stages.append(
                Stage(
                    stage=name, unit=str(unit), asked=round(asked, 3), start=round(start, 3),
                    seconds=round(end - start, 3), result=result_of(failure), span=_id(span),
                )
            )  # fmt: skip

    def end(self, failure: BaseException | None = None, *, result: Result | None = None) -> None:
        """End all spans; call it once, when the run has nothing left to do.

        :param failure: what ended the run, if it did not come to its end.
        :param result: how it ended, where the failure does not say that.
        """
        seconds, failure = self.now(), failure or self._refusal
        if failure is not None and isinstance(first := first_of(failure), GateFailed):
            self._refusal = first
        self._ended = (seconds, result or result_of(failure))
        self._spans.end(seconds, self._ended[1], failure)

    def trace(
        self, engine: Literal["here", "collector", "caller", "off"], steps: tuple[Step, ...] | None = None
    ) -> Trace:
        """What there is to know of the run, which has ended."""
        seconds, result = self._ended or (self.now(), "error")
        context = self._spans.run.get_span_context()
        return Trace(
            run=self._run,
            command=self.command,
            result=result,
            trace_id=otel.format_trace_id(context.trace_id) if context.is_valid else None,
            started=datetime.fromtimestamp(self._began_ns / 1e9, UTC),
            jobs=self._plan.jobs if self._plan else None,
            wall_seconds=round(seconds, 3),
            engine=engine,
            stages=tuple(sorted(self._stages, key=lambda stage: (stage.start, stage.end))),
            units=tuple(self._units),
            steps=steps,
        )

    def measured(self, trace: Trace) -> tuple[Value, ...]:
        """The run in metrics.

        :param trace: of this run, which has ended.
        """
        return values(
            trace, self._environment, refused=self._refusal is not None, plan=self._plan, units=self._examined
        )

    def asked_by(self) -> dict[str, tuple[str, str]]:
        """Span id → name and unit of the stage whose span it is."""
        return {stage.span: (stage.stage, stage.unit) for stage in self._stages if stage.span}
