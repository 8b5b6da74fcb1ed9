"""Where spans and metrics of a run go: to the collector that OpenTelemetry's variables name, and into `trace.json`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import Literal

from opentelemetry import context, propagate
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NoOpTracer, Tracer

from ci import exporters
from ci.addresses import INSIDE
from ci.invocation import sealift_version
from ci.otel_variables import Destination, destination, for_session
from ci.otlp import Receiver
from pipelines.metrics import Value
from pipelines.telemetry import Recorder
from pipelines.trace import Trace

_DISABLED = "OTEL_SDK_DISABLED"
_CARRIED = ("traceparent", "tracestate", "baggage")

FLUSH_SECONDS = 5.0
"""What a run waits at its end for a collector that does not take the last spans, or the metrics."""


class Complaints(logging.Handler):
    """Keeps the first thing that the exporter says, for one line at the end; standard error is for people."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or record.getMessage()


@dataclass
class Telemetry:
    """The spans and the metrics of one run.

    :param wanted: where spans are to go.
    :param metrics: where metrics are to go.
    :param inside: an engine runs this command: its spans go where that engine's caller wants them.
    :param problem: why spans cannot go there.
    :param receiver: takes in the engine's spans, if they are to be in `trace.json`.
    """

    recorder: Recorder
    wanted: Destination
    metrics: Destination
    inside: bool
    problem: str | None
    complaints: Complaints
    provider: TracerProvider | None
    receiver: Receiver | None
    _trace: Trace | None = field(default=None, init=False)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Make the run's span the current one, and the only tracer ours: dagger-io would set up another."""
        before = os.environ.get(_DISABLED)
        os.environ[_DISABLED] = "true"
        try:
            with self.recorder.current():
                yield
        finally:
            os.environ.pop(_DISABLED)
            if before is not None:
                os.environ[_DISABLED] = before

    def for_session(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Variables for the engine's session: where its spans go, and the run's span as the parent of all of them."""
        carrier: dict[str, str] = {}
        with self.recorder.current():
            propagate.inject(carrier)
        endpoint = self.receiver.endpoint if self.receiver else None
        made = for_session(environ, self.wanted, endpoint)
        made.pop(_DISABLED, None)
        return made | {name.upper(): value for name, value in carrier.items()}

    def end(self) -> str | None:
        """Hand out what is left, within bounds. Why the collector does not have all of it, in a line; None if it has.

        What the receiver has is whole only when the engine's session has ended.
        """
        if self.receiver is not None:
            self.receiver.close()
        # The exporters retry for longer than a release should wait for them.
        threads = [Thread(target=hand_out, daemon=True) for hand_out in self._left()]
        until = time.monotonic() + FLUSH_SECONDS
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        late = "the collector did not answer in time" if any(thread.is_alive() for thread in threads) else None
        logger = logging.getLogger("opentelemetry")
        logger.removeHandler(self.complaints)
        if not logger.handlers:
            # What still tries would complain to standard error.
            logger.addHandler(logging.NullHandler())
        return self.problem or self.metrics.problem or self.complaints.first or late

    def _left(self) -> Iterator[Callable[[], None]]:
        if self.provider is not None:
            yield self.provider.shutdown
        if self.metrics.kind == "otlp":
            values = self.recorder.measured(self.trace())
            # An engine passes on gauges to its caller, and answers everything else with an error (0.21.8).
            passed_on = [value for value in values if not self.inside or value.metric.kind == "gauge"]
            if passed_on:
                yield partial(self._export, passed_on)

    def _export(self, values: Sequence[Value]) -> None:
        # Imported where metrics are wanted only.
        from ci.meter import export

        with self.recorder.current() if self.wanted.kind == "otlp" else nullcontext():
            now = context.get_current()
        try:
            export(values, protocol=self.metrics.protocol, context=now)
        except Exception as error:
            # As with the exporter of spans.
            logging.getLogger("opentelemetry").warning("%s: %s", type(error).__name__, error)

    def trace(self) -> Trace:
        """What `trace.json` holds. To be asked for when both the run and the telemetry have ended."""
        self._trace = self._trace or self._traced()
        return self._trace

    def _traced(self) -> Trace:
        if self.receiver is None:
            return self.recorder.trace(_elsewhere(self.wanted, inside=self.inside))
        # Takes apart the engine's spans with protobuf, which takes a moment to import.
        from ci.engine_spans import read_spans, steps

        return self.recorder.trace("here", steps(read_spans(self.receiver.requests), self.recorder.asked_by()))


def _elsewhere(wanted: Destination, *, inside: bool) -> Literal["collector", "caller", "off"]:
    if wanted.kind == "off":
        return "off"
    return "caller" if inside else "collector"


def begin(command: str, environ: Mapping[str, str], *, record: bool) -> Telemetry:
    """Set up what the variables ask for. Never fails: a release does not depend on who watches it.

    :param environ: the variables, `.env` included.
    :param record: `trace.json` is written at the end.
    """
    # The exporters read the process's own environment.
    for name in environ.keys() - os.environ.keys():
        if name.startswith("OTEL_"):
            os.environ[name] = environ[name]
    wanted, inside = destination(environ, "TRACES"), INSIDE in environ
    complaints = Complaints()
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(complaints)
    logger.propagate = False
    problem, provider = wanted.problem, None
    tracer: Tracer = NoOpTracer()
    if wanted.kind != "off":
        provider = TracerProvider(
            resource=exporters.resource(), sampler=None if wanted.kind == "otlp" else ALWAYS_ON, shutdown_on_exit=False
        )
        tracer = provider.get_tracer("sealift", sealift_version())
    if provider is not None and wanted.kind == "otlp":
        try:
            provider.add_span_processor(BatchSpanProcessor(exporters.spans(wanted.protocol)))
        except Exception as error:
            # Whatever the exporter thinks of its variables: a bad one is no reason to fail a release.
            problem = f"{type(error).__name__}: {error}"
    parent = propagate.extract({name: environ.get(name.upper(), "") for name in _CARRIED})
    return Telemetry(
        recorder=Recorder(tracer=tracer, command=command, parent=parent),
        wanted=wanted,
        metrics=destination(environ, "METRICS"),
        inside=inside,
        problem=problem,
        complaints=complaints,
        provider=provider,
        receiver=Receiver() if record and wanted.kind == "none" and not inside else None,
    )
