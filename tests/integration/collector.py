"""The OpenTelemetry Collector, and what it was given."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ci.local.toolchain import OTELCOL, tool_folder
from ci.local.up import make_setup
from tests.scratch import ROOT

OBSERVABILITY = ROOT / "deploy/observability"
_PORTS = {"grpc": 4317, "http": 4318, "prometheus": 8889}
"""As the configuration that users copy has them."""

_FILE = """\
exporters:
  file: {{path: "{file}"}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
    metrics: {{exporters: [prometheus, file]}}
"""
_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span as the collector wrote it. Times in seconds since the epoch."""

    trace: str
    id: str
    parent: str
    name: str
    start: float
    end: float
    failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Collector:
    """Where it listens, the file that it writes spans and metrics to, and where it shows metrics."""

    http: str
    grpc: str
    prometheus: str
    file: Path

    def spans(self) -> list[Span]:
        """All spans so far; each line is an export request in OTLP's JSON."""
        return [
            Span(
                trace=span["traceId"],
                id=span["spanId"],
                parent=span.get("parentSpanId", ""),
                name=span["name"],
                start=int(span["startTimeUnixNano"]) / 1e9,
                end=int(span["endTimeUnixNano"]) / 1e9,
                failed=span.get("status", {}).get("code") == 2,
                attributes=_plain(span.get("attributes", [])),
                resource=_plain(resource["resource"].get("attributes", [])),
            )
            for line in self._written().splitlines()
            for resource in json.loads(line).get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def metrics(self) -> dict[str, list[Sample]]:
        """The metrics that it shows to Prometheus, of Sealift: name → samples."""
        text = httpx.get(f"{self.prometheus}/metrics", timeout=_SECONDS).text
        found = {family.name: list(family.samples) for family in text_string_to_metric_families(text)}
        return {name: samples for name, samples in found.items() if name.startswith("sealift_")}

    def _written(self) -> str:
        """What is in the file when its last line is whole and no other comes: on a busy machine the collector may have
        what it has not written yet, and the engine what it has not passed on."""
        until, before = time.monotonic() + _SECONDS, ""
        while time.monotonic() < until:
            text = self.file.read_text()
            if text.endswith("\n") and text == before:
                return text
            before = text
            time.sleep(1)
        return before

    def tree(self) -> Tree:
        """The spans of the only trace that there is."""
        spans = self.spans()
        assert len({span.trace for span in spans}) == 1, {(span.trace, span.name) for span in spans}
        return Tree(spans)


class Tree:
    """One trace."""

    def __init__(self, spans: list[Span]) -> None:
        self.spans = spans
        self.by_id = {span.id: span for span in spans}
        assert len(self.by_id) == len(spans), "a span was exported twice"

    @property
    def ours(self) -> list[Span]:
        return [span for span in self.spans if span.resource["service.name"] == "sealift"]

    @property
    def engines(self) -> list[Span]:
        return [span for span in self.spans if span.resource["service.name"] != "sealift"]

    def named(self, name: str) -> Span:
        """The only span of ours of that name."""
        (found,) = [span for span in self.ours if span.name == name]
        return found

    def above(self, span: Span) -> list[Span]:
        """Its ancestors, the nearest first."""
        found = []
        while span.parent in self.by_id:
            span = self.by_id[span.parent]
            found.append(span)
        return found

    def path(self, span: Span) -> list[str]:
        """Names of its ancestors of ours and its own, from the root."""
        return [item.name for item in (*reversed(self.above(span)), span) if item in self.ours]


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["key"]: _value(item["value"]) for item in attributes}


def _value(value: dict[str, Any]) -> Any:
    ((kind, inner),) = value.items() or (("stringValue", ""),)
    if kind == "arrayValue":
        return [_value(item) for item in inner.get("values", [])]
    return int(inner) if kind == "intValue" else inner


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def with_ports(name: str, ports: Mapping[int, int]) -> str:
    """A configuration that users copy, with other ports."""
    text = (OBSERVABILITY / name).read_text()
    for theirs, ours in ports.items():
        assert text.count(f"127.0.0.1:{theirs}") == 1
        text = text.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{ours}")
    return text


@contextmanager
def collector(program: Path, folder: Path) -> Iterator[Collector]:
    """A collector at work, with the configuration that users copy; when it has ended, its file is whole."""
    ports = {name: free_port() for name in _PORTS}
    file = folder / "received.jsonl"
    theirs, ours = folder / "collector.yaml", folder / "file.yaml"
    theirs.write_text(with_ports("collector.yaml", {_PORTS[name]: port for name, port in ports.items()}))
    ours.write_text(_FILE.format(file=file))
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen([program, "--config", theirs, "--config", ours], stdout=log, stderr=log)
    try:
        _wait(ports["http"], process, folder / "collector.log")
        yield Collector(**{name: f"http://127.0.0.1:{port}" for name, port in ports.items()}, file=file)
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def built() -> Path:
    """The program, built on first use: some minutes of a processor."""
    return tool_folder(make_setup(os.environ, print), OTELCOL) / "otelcol"
