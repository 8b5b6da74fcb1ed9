"""What OpenTelemetry's standard variables ask for, and what the engine's session is told of it.

<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from opentelemetry.util.re import parse_env_headers

_PREFIX = "OTEL_EXPORTER_OTLP_"
_DEFAULTS = {"http/protobuf": "http://localhost:4318", "grpc": "http://localhost:4317"}

_SESSION_EXPORT_MS = "2000"
"""The engine's client would try for 30 s to hand each batch to a collector that does not answer, and at its end too."""


Signal = Literal["TRACES", "METRICS"]
"""As the variables name it."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a signal is to go.

    :param kind: `otlp`; `none`, nowhere; `off`, OpenTelemetry is turned off altogether.
    :param problem: why it goes nowhere, though something was asked for.
    """

    kind: Literal["otlp", "none", "off"]
    protocol: str = "http/protobuf"
    problem: str | None = None


def _of(environ: Mapping[str, str], name: str, signal: Signal = "TRACES") -> str:
    """A variable of the exporter: the one for the signal wins over the one for all of them, and empty is not set."""
    return (environ.get(f"{_PREFIX}{signal}_{name}") or environ.get(_PREFIX + name, "")).strip()


def destination(environ: Mapping[str, str], signal: Signal) -> Destination:
    """Nothing is exported unless an endpoint is set, or OTEL_TRACES_EXPORTER or OTEL_METRICS_EXPORTER asks for it."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Destination(kind="off")
    variable = f"OTEL_{signal}_EXPORTER"
    asked = {name.strip() for name in environ.get(variable, "").split(",")} - {""}
    if unknown := asked - {"otlp", "none"}:
        names = ", ".join(sorted(unknown))
        return Destination(kind="none", problem=f"{variable}={names}: only otlp and none are known")
    if "none" in asked or not (asked or _of(environ, "ENDPOINT", signal)):
        return Destination(kind="none")
    protocol = _of(environ, "PROTOCOL", signal) or "http/protobuf"
    if protocol not in _DEFAULTS:
        return Destination(
            kind="none", problem=f"{_PREFIX}PROTOCOL={protocol}: only {' and '.join(_DEFAULTS)} are known"
        )
    return Destination(kind="otlp", protocol=protocol)


def for_session(environ: Mapping[str, str], wanted: Destination, endpoint: str | None) -> dict[str, str]:
    """The variables of the process that holds the engine's session.

    That process exports the engine's spans as soon as it sees an endpoint: it knows neither OTEL_SDK_DISABLED nor
    OTEL_TRACES_EXPORTER, takes headers as they stand, though they are URL-encoded, and has no default endpoint.

    :param endpoint: our own receiver, where the user has no collector.
    """
    if wanted.kind == "otlp":
        return {**environ, **_exported(environ, wanted.protocol)}
    kept = {name: value for name, value in environ.items() if not name.startswith(_PREFIX)}
    if endpoint is not None:
        kept |= {
            f"{_PREFIX}TRACES_ENDPOINT": endpoint,
            f"{_PREFIX}TRACES_PROTOCOL": "http/protobuf",
            # A sampler is the user's choice about a collector; what is counted here needs every span.
            "OTEL_TRACES_SAMPLER": "always_on",
        }
    return kept


def _exported(environ: Mapping[str, str], protocol: str) -> dict[str, str]:
    variables = {f"{_PREFIX}TRACES_PROTOCOL": protocol}
    if not _of(environ, "ENDPOINT"):
        variables[f"{_PREFIX}ENDPOINT"] = _DEFAULTS[protocol]
    if "OTEL_BSP_EXPORT_TIMEOUT" not in environ:
        variables["OTEL_BSP_EXPORT_TIMEOUT"] = _SESSION_EXPORT_MS
    headers = parse_env_headers(_of(environ, "HEADERS"), liberal=True)
    if headers and protocol == "http/protobuf":
        variables[f"{_PREFIX}HEADERS"] = ",".join(f"{name}={value}" for name, value in headers.items())
    return variables
