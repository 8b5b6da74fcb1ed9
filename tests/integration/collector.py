"""The OpenTelemetry Collector, and what it was given."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.local.toolchain import OTELCOL, tool_folder
from ci.local.up import make_setup

_CONFIG = """\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
exporters:
  file: {{path: "{file}"}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
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
    """Where it listens, and the file that it writes."""

    http: str
    grpc: str
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
            for resource in json.loads(line)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def _written(self) -> str:
        """What is in the file when its last line is whole: the collector writes it in pieces."""
        until = time.monotonic() + _SECONDS
        while not (text := self.file.read_text()).endswith("\n") and time.monotonic() < until:
            time.sleep(0.1)
        return text

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


@contextmanager
def collector(program: Path, folder: Path) -> Iterator[Collector]:
    """A collector at work; when it has ended, its file is whole."""
    ports = {}
    for name in ("grpc", "http"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports[name] = free.getsockname()[1]
    file = folder / "spans.jsonl"
    config = folder / "collector.yaml"
    config.write_text(_CONFIG.format(file=file, **ports))
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen([program, "--config", config], stdout=log, stderr=log)
    try:
        _wait(ports["http"], process, folder / "collector.log")
        yield Collector(http=f"http://127.0.0.1:{ports['http']}", grpc=f"http://127.0.0.1:{ports['grpc']}", file=file)
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
    """The program, built on first use: about a minute of a processor."""
    return tool_folder(make_setup(os.environ, print), OTELCOL) / "otelcol"
