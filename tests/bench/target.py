"""A registry of the benchmark's own, that counts what is uploaded to it."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from ci.local.processes import Process, end, identify
from ci.local.registry import Local, answers, check_port
from ci.local.setup import Setup
from ci.local.toolchain import REGISTRY, tool_folder
from pipelines.errors import RegistryError

_VARIABLE = "SEALIFT_BENCH_PORT"


@dataclass(frozen=True)
class Uploads:
    """Since the registry started: uploads of blobs that it accepted, the bytes of their requests' bodies, and requests
    of any kind.
    """

    count: int
    bytes: int
    requests: int = 0

    def since(self, before: Uploads) -> Uploads:
        """What was added after `before`."""
        return Uploads(self.count - before.count, self.bytes - before.bytes, self.requests - before.requests)


class Target:
    """CNCF Distribution on a port of its own, with metrics on the next one. Stopped by its id."""

    def __init__(self, setup: Setup, folder: Path, port: int) -> None:
        self._setup = setup
        self._folder = folder
        self.port = port
        self.storage = folder / "blobs"
        self._process: Process | None = None

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def start(self) -> None:
        """Start it, empty.

        :raises RegistryError: one of its two ports is taken, or it does not answer.
        """
        for port in (self.port, self.port + 1):
            check_port(Local("benchmark's registry", port, self.storage, _VARIABLE))
        shutil.rmtree(self._folder, ignore_errors=True)
        self.storage.mkdir(parents=True)
        config = self._folder / "config.json"
        config.write_text(json.dumps(self._config()))
        binary = tool_folder(self._setup, REGISTRY) / "registry"
        log = self._folder / "log.txt"
        # Distribution reads OTEL_* and REGISTRY_* variables: the user's are not meant for it.
        environment = {"PATH": self._setup.environment.get("PATH", ""), "OTEL_TRACES_EXPORTER": "none"}
        pid = self._setup.runner.spawn([binary, "serve", config], log=log, environment=environment)
        self._process = identify(pid)
        for _ in range(100):
            if answers(self.port):
                return
            time.sleep(0.1)
        raise RegistryError(f"the benchmark's registry on port {self.port} does not answer", remedy=f"read {log}")

    def stop(self) -> None:
        """End it and remove what it holds."""
        if self._process is not None:
            end(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def empty(self) -> None:
        """Start again with nothing in it."""
        self.stop()
        self.start()

    def uploads(self) -> Uploads:
        """What was uploaded so far, by the registry's own metrics."""
        text = httpx.get(f"http://127.0.0.1:{self.port + 1}/metrics", trust_env=False, timeout=10).text
        return Uploads(
            # 202: an upload began; 201 would be a mount of a blob that is there.
            count=int(total(text, "registry_http_requests_total", handler="blob_upload", method="post", code="202")),
            bytes=int(total(text, "registry_http_request_size_bytes_sum", handler="blob_upload_chunk")),
            requests=int(total(text, "registry_http_requests_total")),
        )

    def _config(self) -> dict[str, object]:
        return {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}},
            "http": {
                "addr": f"127.0.0.1:{self.port}",
                "debug": {"addr": f"127.0.0.1:{self.port + 1}", "prometheus": {"enabled": True, "path": "/metrics"}},
            },
        }


def total(text: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels, in Prometheus' text format; 0 if there is none."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
