"""Metrics as a collector is given them, through the exporters' own variables."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from opentelemetry.context import Context
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb2

from ci import exporters, telemetry
from ci.meter import export
from ci.otlp import Receiver
from ci.telemetry import begin
from pipelines.errors import GateFailed
from pipelines.metrics import METRICS, RUN, RUNS, SIZE, Value

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

HTTP = "http/protobuf"
WHERE = {"environment": "prod", "command": "build-all", "outcome": "success"}
VALUES = (
    Value(metric=RUNS, value=1, attributes=WHERE),
    Value(metric=RUN, value=63.0, attributes=WHERE),
    Value(metric=SIZE, value=5, attributes={"environment": "prod", "service": "aidb", "platform": "linux/amd64"}),
)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", made.endpoint)
    yield made
    made.close()


def received(collector: Receiver) -> tuple[dict[str, pb2.Metric], dict[str, str]]:
    """Metrics by name, and the resource. There was one request."""
    (request,) = collector.requests
    (resource,) = ExportMetricsServiceRequest.FromString(request).resource_metrics
    found = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
    return found, {item.key: item.value.string_value for item in resource.resource.attributes}


def test_each_kind_arrives_once_with_its_unit_and_its_attributes(collector: Receiver) -> None:
    export(VALUES, protocol=HTTP, context=Context())
    found, _ = received(collector)
    assert set(found) == {"sealift.runs", "sealift.run.duration", "sealift.image.size"}
    (count,) = found["sealift.runs"].sum.data_points
    assert (count.as_int, found["sealift.runs"].unit, found["sealift.runs"].sum.is_monotonic) == (1, "{run}", True)
    assert {item.key: item.value.string_value for item in count.attributes} == WHERE
    (lasted,) = found["sealift.run.duration"].histogram.data_points
    assert (lasted.sum, lasted.count, found["sealift.run.duration"].unit) == (63.0, 1, "s")
    assert tuple(lasted.explicit_bounds) == RUN.bounds
    (size,) = found["sealift.image.size"].gauge.data_points
    assert (size.as_int, found["sealift.image.size"].unit) == (5, "By")


@pytest.mark.parametrize(
    ("asked", "given"),
    [(None, pb2.AGGREGATION_TEMPORALITY_CUMULATIVE), ("delta", pb2.AGGREGATION_TEMPORALITY_DELTA)],
)
def test_counts_are_cumulative_or_deltas_as_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, collector: Receiver, asked: str | None, given: int
) -> None:
    if asked:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", asked)
    export(VALUES, protocol=HTTP, context=Context())
    found, _ = received(collector)
    assert found["sealift.runs"].sum.aggregation_temporality == given
    assert found["sealift.run.duration"].histogram.aggregation_temporality == given


def test_the_resource_is_the_same_in_every_process_unless_the_user_names_the_instance(
    monkeypatch: pytest.MonkeyPatch, collector: Receiver
) -> None:
    assert "service.instance.id" in exporters.resource().attributes, "spans have it"
    export(VALUES, protocol=HTTP, context=Context())
    _, resource = received(collector)
    assert resource["service.name"] == "sealift"
    assert "service.instance.id" not in resource
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=runner-3,team=release")
    collector.requests.clear()
    export(VALUES, protocol=HTTP, context=Context())
    _, resource = received(collector)
    assert (resource["service.instance.id"], resource["team"]) == ("runner-3", "release")


def test_a_run_exports_its_metrics_at_its_end_when_it_is_refused_too(collector: Receiver) -> None:
    environ = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.endpoint}
    made = begin("build-all", environ, record=True)
    assert (made.wanted.kind, made.metrics.kind) == ("none", "otlp")
    made.recorder.releasing_to("staging")
    with made.recorder.stage("plan"):
        pass
    assert not collector.requests
    made.recorder.end(GateFailed("no", remedy="mend it", step="gate"))
    assert made.end() is None
    found, _ = received(collector)
    (lasted,) = found["sealift.run.duration"].histogram.data_points
    said = {item.key: item.value.string_value for item in lasted.attributes}
    assert said == {"environment": "staging", "command": "build-all", "outcome": "refused"}
    assert not lasted.exemplars, "nobody has the trace"
    assert {point.as_int for point in found["sealift.engine.steps"].sum.data_points} == {0}


def test_with_traces_a_value_names_the_trace_that_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, collector: Receiver
) -> None:
    traces = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces.endpoint)
    made = begin(
        "build-all",
        {
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.endpoint,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": traces.endpoint,
        },
        record=False,
    )
    made.recorder.end()
    assert made.end() is None
    traces.close()
    found, _ = received(collector)
    (lasted,) = found["sealift.run.duration"].histogram.data_points
    assert [item.trace_id.hex() for item in lasted.exemplars] == [made.trace().trace_id]


def test_inside_of_an_engine_only_what_it_passes_on_is_exported(collector: Receiver, samples: Samples) -> None:
    environ = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.endpoint, "DAGGER_SESSION_PORT": "1"}
    made = begin("build-all", environ, record=True)
    made.recorder.planned(samples.plan())
    made.recorder.examined(samples.units(samples.plan()))
    made.recorder.end()
    assert made.end() is None
    assert set(received(collector)[0]) == {metric.name for metric in METRICS if metric.kind == "gauge"}
    made = begin("plan", environ, record=False)
    made.recorder.end()
    assert made.end() is None
    assert len(collector.requests) == 1, "there was nothing of that kind"


@pytest.mark.usefixtures("exporters_ended")
@pytest.mark.parametrize("protocol", [HTTP, "grpc"])
@pytest.mark.parametrize("answers", ["refuses", "is silent"])
def test_a_collector_that_takes_neither_signal_is_said_once_and_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], answers: str, protocol: str
) -> None:
    monkeypatch.setattr(telemetry, "FLUSH_SECONDS", 0.5)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers == "is silent":
            server.listen()
        given = {
            # Of both, which are waited for at the same time.
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        made = begin("build-all", given, record=False)
        made.recorder.end()
        began = time.monotonic()
        problem = made.end()
    assert time.monotonic() - began < 0.9
    assert problem
    assert "\n" not in problem
    captured = capfd.readouterr()
    assert captured.err + captured.out == ""


def test_what_an_exporter_makes_of_a_bad_variable_is_said(monkeypatch: pytest.MonkeyPatch, collector: Receiver) -> None:
    given = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "lzma"}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "lzma")
    made = begin("build-all", given, record=False)
    made.recorder.end()
    assert "lzma" in (made.end() or "")


def test_metrics_are_switched_off_by_their_own_variable_and_by_that_for_all(collector: Receiver) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.endpoint}
    for off in ({"OTEL_METRICS_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}):
        made = begin("build-all", endpoint | off, record=False)
        made.recorder.end()
        assert made.end() is None
    made = begin("build-all", endpoint | {"OTEL_METRICS_EXPORTER": "prometheus"}, record=False)
    made.recorder.end()
    assert made.end() == "OTEL_METRICS_EXPORTER=prometheus: only otlp and none are known"
    assert not collector.requests
