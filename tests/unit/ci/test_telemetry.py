"""Set-up and end of a run's telemetry: with our own receiver as the collector, and with one that is not there."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ci import telemetry
from ci.otlp import Receiver
from ci.run import NothingToDo
from ci.run import _end as end_it
from ci.telemetry import begin
from pipelines.trace import Trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def variables(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, str]:
    """Variables that the exporters find in the process, as a run's are."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def received(collector: Receiver) -> dict[str, dict[str, str]]:
    """Span → attributes of its resource."""
    return {
        span.name: {item.key: item.value.string_value for item in resource.resource.attributes}
        for request in collector.requests
        for resource in ExportTraceServiceRequest.FromString(request).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def test_spans_arrive_with_the_service_and_its_version(monkeypatch: pytest.MonkeyPatch, collector: Receiver) -> None:
    made = begin(
        "build-all",
        variables(monkeypatch, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.endpoint, TRACEPARENT=PARENT),
        record=True,
    )
    with made.recorder.stage("plan"):
        pass
    made.recorder.end()
    assert made.end() is None
    found = received(collector)
    assert set(found) == {"plan", "RUN sealift build-all"}
    assert found["plan"]["service.name"] == "sealift"
    assert found["plan"]["service.version"]
    trace = made.trace()
    assert (trace.engine, trace.steps) == ("collector", None)
    assert trace.trace_id == PARENT.split("-")[1]


def test_the_users_name_for_the_service_wins(monkeypatch: pytest.MonkeyPatch, collector: Receiver) -> None:
    environ = variables(
        monkeypatch,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.endpoint,
        OTEL_SERVICE_NAME="ours",
        OTEL_RESOURCE_ATTRIBUTES="team=release",
    )
    made = begin("scan", environ, record=False)
    made.recorder.end()
    assert made.end() is None
    assert received(collector)["RUN sealift scan"].items() >= {"service.name": "ours", "team": "release"}.items()


def test_without_variables_nothing_is_exported_and_the_engine_exports_to_us() -> None:
    made = begin("build-all", {}, record=True)
    session = made.for_session({"PATH": "/bin", "OTEL_SDK_DISABLED": "true"})
    assert made.receiver is not None
    assert session["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == made.receiver.endpoint
    trace_id = session["TRACEPARENT"].split("-")[1]
    assert "OTEL_SDK_DISABLED" not in session, "that is for dagger-io in our own process"
    made.recorder.end()
    assert made.end() is None
    trace = made.trace()
    assert (trace.engine, trace.steps, trace.trace_id) == ("here", (), trace_id)


@pytest.mark.parametrize(
    ("environ", "record", "engine"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, True, "off"),
        ({"DAGGER_SESSION_PORT": "1"}, True, "caller"),
        ({}, False, "collector"),
    ],
    ids=["turned off", "inside of an engine", "no trace is kept"],
)
def test_no_receiver_where_it_would_hear_nothing_or_for_nobody(
    environ: dict[str, str], record: bool, engine: str
) -> None:
    made = begin("build-all", environ, record=record)
    assert made.receiver is None
    made.recorder.end()
    assert made.end() is None
    assert made.trace().engine == engine
    assert (made.trace().trace_id is None) == (engine == "off")


def test_while_it_watches_daggers_own_tracer_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    made = begin("build-all", {}, record=False)
    with made.watching():
        assert os.environ["OTEL_SDK_DISABLED"] == "true"
    assert "OTEL_SDK_DISABLED" not in os.environ
    monkeypatch.setenv("OTEL_SDK_DISABLED", "false")
    with pytest.raises(RuntimeError), made.watching():
        raise RuntimeError
    assert os.environ["OTEL_SDK_DISABLED"] == "false"


@pytest.mark.usefixtures("exporters_ended")
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("answers", ["refuses", "is silent"])
def test_a_collector_that_is_not_there_is_said_once_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], answers: str, protocol: str
) -> None:
    monkeypatch.setattr(telemetry, "FLUSH_SECONDS", 0.5)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers == "is silent":
            server.listen()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        made = begin(
            "build-all",
            variables(monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_PROTOCOL=protocol),
            record=False,
        )
        made.recorder.end()
        problem = made.end()
    assert problem
    assert "\n" not in problem
    captured = capfd.readouterr()
    assert captured.err + captured.out == ""
    assert made.complaints not in logging.getLogger("opentelemetry").handlers


def test_an_exporter_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    made = begin("build-all", variables(monkeypatch, **endpoint, OTEL_EXPORTER_OTLP_COMPRESSION="lzma"), record=False)
    made.recorder.end()
    problem = made.end()
    assert problem
    assert "lzma" in problem


def test_what_an_exporter_makes_of_a_bad_variable_is_said(monkeypatch: pytest.MonkeyPatch, collector: Receiver) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.endpoint}
    made = begin("build-all", variables(monkeypatch, **endpoint, OTEL_EXPORTER_OTLP_COMPRESSION="lzma"), record=False)
    made.recorder.end()
    problem = made.end()
    assert problem
    assert "lzma" in problem


def test_what_is_asked_for_and_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = begin("build-all", variables(monkeypatch, OTEL_TRACES_EXPORTER="zipkin"), record=False)
    made.recorder.end()
    assert made.end() == "OTEL_TRACES_EXPORTER=zipkin: only otlp and none are known"


def test_a_run_that_had_nothing_to_do_has_not_failed() -> None:
    traces: list[Trace] = []
    made = begin("build-all", {}, record=True)
    end_it(made, traces.append, NothingToDo("nothing has changed"))
    assert [trace.result for trace in traces] == ["success"]
