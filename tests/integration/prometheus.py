"""Prometheus and its promtool, from Debian's package, and a server that scrapes as users' do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from ci.local.locks import built
from ci.local.up import make_setup
from tests.integration.collector import OBSERVABILITY, Collector, free_port, with_ports

_SECONDS = 60
_DEBIAN = "debian"


def programs() -> Path:
    """The folder with `prometheus` and `promtool`, of the version that this Debian has. Nothing is installed."""

    def unpack(work: Path) -> None:
        fetch = ["apt-get", "download", "--quiet", "prometheus"]
        if subprocess.run(fetch, cwd=work, capture_output=True, check=False).returncode:
            # Without package lists there is nothing to download.
            subprocess.run(["apt-get", "update", "--quiet"], check=True, capture_output=True)
            subprocess.run(fetch, cwd=work, check=True, capture_output=True)
        (package,) = work.glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", package, work / _DEBIAN], check=True)
        package.unlink()

    return built(make_setup(os.environ, print).paths.toolchain / "prometheus-debian", unpack) / _DEBIAN / "usr/bin"


def promtool(*arguments: str | Path) -> str:
    """What promtool prints; AssertionError with it if it fails."""
    done = subprocess.run([programs() / "promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A server at work.

    :param exposed: folder of the file `metrics`, which stands for the node exporter's textfile collector.
    """

    address: str
    exposed: Path

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer."""
        answer = httpx.get(f"{self.address}/api/v1/{path}", params=parameters, timeout=_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def values(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Labels → value now."""
        found = self.get("query", query=expression)["result"]
        return {frozenset(item["metric"].items()): float(item["value"][1]) for item in found}

    def wait_for(self, expression: str) -> None:
        """Until it has a value; what is scraped comes a second later."""
        until = time.monotonic() + _SECONDS
        while not self.values(expression):
            assert time.monotonic() < until, f"{expression} has no value after {_SECONDS} s"
            time.sleep(0.2)


@contextmanager
def prometheus(scraped: Collector, folder: Path) -> Iterator[Prometheus]:
    """A server with the configuration that users copy, but for ports and for how often it scrapes."""
    exposed = folder / "exposed"
    exposed.mkdir()
    (exposed / "metrics").write_text("")
    handler = partial(_Quiet, directory=str(exposed))
    exporter = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=exporter.serve_forever, daemon=True).start()
    ports = {8889: int(scraped.prometheus.rpartition(":")[2]), 9100: exporter.server_port}
    config = folder / "prometheus.yaml"
    config.write_text(with_ports("prometheus.yaml", ports).replace(": 30s", ": 1s").replace(": 1m", ": 1s"))
    shutil.copy(OBSERVABILITY / "alerts.yaml", folder)
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [programs() / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    made = Prometheus(address=f"http://127.0.0.1:{port}", exposed=exposed)
    try:
        _wait(made, process, folder / "prometheus.log")
        yield made
    finally:
        process.terminate()
        process.wait(_SECONDS)
        exporter.shutdown()
        exporter.server_close()


def _wait(made: Prometheus, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(f"{made.address}/-/ready", timeout=_SECONDS).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Standard error is for people."""


def labels(**wanted: str) -> frozenset[tuple[str, str]]:
    """As `Prometheus.values` has them."""
    return frozenset(wanted.items())


def expressions() -> Mapping[str, str]:
    """Panel of the dashboard, and number → what it asks for, of everything and over the last 10 minutes."""
    panels = json.loads((OBSERVABILITY / "dashboard.json").read_text())["panels"]
    found = {
        f"{panel['title']} {target['refId']}": target["expr"] for panel in panels for target in panel.get("targets", ())
    }
    chosen = {"$environment": ".*", "$service": ".*", "$__range": "10m", "$__interval": "10m"}
    for name, value in chosen.items():
        found = {panel: expression.replace(name, value) for panel, expression in found.items()}
    return found
