"""Metrics of real runs, by a collector, to Prometheus, as dashboard and alerts ask for them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.collector import OBSERVABILITY, Collector, built, collector
from tests.integration.prometheus import Prometheus, expressions, labels, prometheus, promtool
from tests.scratch import SEALIFT, TINY, Scratch

ALERTS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}


@pytest.fixture
def received(tmp_path: Path) -> Iterator[Collector]:
    with collector(built(), tmp_path) as made:
        yield made


@pytest.fixture
def server(received: Collector, tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus(received, tmp_path) as made:
        yield made


def exporting(received: Collector, *, grpc: bool = False) -> dict[str, str]:
    """The variables by which a run's metrics go there, and its spans nowhere."""
    kind = "OTEL_EXPORTER_OTLP_METRICS"
    where = {f"{kind}_ENDPOINT": received.grpc, f"{kind}_PROTOCOL": "grpc"}
    http = {f"{kind}_ENDPOINT": f"{received.http}/v1/metrics", f"{kind}_PROTOCOL": "http/protobuf"}
    return (where if grpc else http) | {f"{kind}_TEMPORALITY_PREFERENCE": "delta"}


def runs(server: Prometheus) -> dict[str, int]:
    """How many runs of `build-all` ended how."""
    found = server.values('sum by (outcome) (sealift_runs_total{command="build-all", environment="local"})')
    return {dict(outcome)["outcome"]: int(count) for outcome, count in found.items()}


def interrupted(scratch: Scratch) -> int:
    """Exit code of a run that is broken off while it builds."""
    process = subprocess.Popen(
        [*SEALIFT, "build-all"], cwd=scratch.root, env={**os.environ, **scratch.env},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if " build " in line:
            break
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    return process.returncode


def test_what_dashboard_and_alerts_ask_for_is_what_real_runs_export(
    scratch: Scratch, received: Collector, server: Prometheus
) -> None:
    """Runs that succeed, are refused, fail and are broken off, over both protocols; then every expression."""
    folder = scratch.service("web", dockerfile=TINY, settings={"boot": None})
    scratch.commit()
    scratch.env |= exporting(received)
    assert scratch.sealift("build-all").returncode == 0
    server.wait_for("sealift_runs_total")
    scratch.env |= exporting(received, grpc=True)
    assert scratch.sealift("build-all").returncode == 0
    (folder / "Dockerfile").write_text(TINY.replace("1001:1001", "0"))
    scratch.commit()
    assert scratch.sealift("build-all").returncode == 4
    size = scratch.record()["services"]["web"]["platforms"]["linux/amd64"]["size"]
    scratch.env |= exporting(received)
    (folder / "Dockerfile").write_text("FROM nothing-of-this-name:1\n")
    scratch.commit()
    assert scratch.sealift("build-all").returncode not in (0, 4)
    (folder / "Dockerfile").write_text("FROM python:3.11-slim-bookworm\nRUN sleep 300\n")
    scratch.commit()
    assert interrupted(scratch) == 130
    status = scratch.sealift("registry", "status", "--env", "local", "--quota", "1GB", "--openmetrics")
    (server.exposed / "metrics").write_text(status.stdout)
    server.wait_for("sealift_registry_up")
    server.wait_for('sealift_runs_total{outcome="cancelled"} == 1')

    assert runs(server) == {"success": 2, "refused": 1, "error": 1, "cancelled": 1}
    here = {"environment": "local", "service": "web"}
    assert server.values("sum by (made) (sealift_images_total)") == {
        labels(made="built"): 2, labels(made="cached"): 0, labels(made="reused"): 1, labels(made="elsewhere"): 0,
    }  # fmt: skip
    made = server.values('max by (environment, service, platform) (sealift_image_size_bytes{job="sealift"})')
    assert made == {labels(**here, platform="linux/amd64"): size}
    unknown = {name for text in (*expressions().values(), *ALERTS.values()) for name in names(text)} - known(server)
    assert not unknown, "nothing exports these"
    empty = [panel for panel, expression in expressions().items() if not server.values(expression)]
    assert not empty, "these panels show nothing"
    judged = {rule["name"]: rule for group in server.get("rules")["groups"] for rule in group["rules"]}
    assert {name: rule.get("lastError", "") for name, rule in judged.items()} == dict.fromkeys(ALERTS, "")


def names(expression: str) -> set[str]:
    """The metrics that it asks for."""
    return set(re.findall(r"\bsealift_\w+", expression))


def known(server: Prometheus) -> set[str]:
    """The metrics that Prometheus has."""
    return set(server.get("label/__name__/values"))


def test_each_alert_fires_on_one_side_of_its_target_only() -> None:
    promtool("check", "config", OBSERVABILITY / "prometheus.yaml")
    said = promtool("test", "rules", OBSERVABILITY / "alerts.test.yaml")
    assert "SUCCESS" in said
    tests = yaml.safe_load((OBSERVABILITY / "alerts.test.yaml").read_text())["tests"]
    asked = [(one["alertname"], bool(one.get("exp_alerts"))) for test in tests for one in test["alert_rule_test"]]
    assert set(asked) == {(name, fires) for name in ALERTS for fires in (True, False)}
