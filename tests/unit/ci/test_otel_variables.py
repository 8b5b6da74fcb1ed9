from __future__ import annotations

import pytest

from ci.otel_variables import destination, for_session

HTTP, GRPC = "http/protobuf", "grpc"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environ", "kind", "protocol"),
    [
        ({}, "none", HTTP),
        ({"OTEL_SERVICE_NAME": "x"}, "none", HTTP),
        (ENDPOINT, "otlp", HTTP),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, "none", HTTP),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, "otlp", HTTP),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": GRPC}, "otlp", GRPC),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": GRPC, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": HTTP}, "otlp", HTTP),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp", HTTP),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, "none", HTTP),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "True"}, "off", HTTP),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "false"}, "otlp", HTTP),
    ],
)
def test_where_spans_go(environ: dict[str, str], kind: str, protocol: str) -> None:
    wanted = destination(environ, "TRACES")
    assert (wanted.kind, wanted.protocol, wanted.problem) == (kind, protocol, None)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin,otlp"}, "OTEL_TRACES_EXPORTER=zipkin: only otlp and none are known"),
        (
            ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/json: only http/protobuf and grpc are known",
        ),
    ],
)
def test_what_is_not_known_is_said_and_nothing_is_exported(environ: dict[str, str], said: str) -> None:
    wanted = destination(environ, "TRACES")
    assert (wanted.kind, wanted.problem) == ("none", said)


def session(environ: dict[str, str], endpoint: str | None = None) -> dict[str, str]:
    return for_session(environ, destination(environ, "TRACES"), endpoint)


def test_the_session_exports_to_the_users_collector_for_a_bounded_time() -> None:
    made = session(ENDPOINT | {"PATH": "/bin"})
    assert made == ENDPOINT | {
        "PATH": "/bin",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": HTTP,
        "OTEL_BSP_EXPORT_TIMEOUT": "2000",
    }
    assert session(ENDPOINT | {"OTEL_BSP_EXPORT_TIMEOUT": "9"})["OTEL_BSP_EXPORT_TIMEOUT"] == "9"


@pytest.mark.parametrize(("protocol", "port"), [(HTTP, 4318), (GRPC, 4317)])
def test_the_session_is_told_the_default_endpoint(protocol: str, port: int) -> None:
    made = session({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
    assert made["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://localhost:{port}"


def test_the_session_gets_headers_decoded_as_it_does_not_decode_them() -> None:
    made = session(ENDPOINT | {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20abc%3D"})
    assert made["OTEL_EXPORTER_OTLP_HEADERS"] == "authorization=Basic abc="
    made = session(
        ENDPOINT | {"OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=2"},
    )
    assert made["OTEL_EXPORTER_OTLP_HEADERS"] == "a=2"


@pytest.mark.parametrize("switch", [{"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}])
def test_the_session_which_knows_no_switch_gets_no_endpoint(switch: dict[str, str]) -> None:
    made = session(ENDPOINT | {"OTEL_EXPORTER_OTLP_HEADERS": "a=1"} | switch)
    assert not any(name.startswith("OTEL_EXPORTER_OTLP_") for name in made)


def test_the_session_exports_to_our_receiver_where_the_user_has_no_collector() -> None:
    made = session({"OTEL_TRACES_SAMPLER": "always_off"}, "http://127.0.0.1:1/x/v1/traces")
    assert made == {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/x/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": HTTP,
        "OTEL_TRACES_SAMPLER": "always_on",
    }
