"""Traces as the OpenTelemetry Collector receives them, from both front doors, and what a run does without one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.programs import eventually
from tests.integration.collector import Collector, Span, Tree, built, collector
from tests.scratch import TINY, Scratch, run

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
UNIT = ["build", "boot", "sbom", "scan"]


@pytest.fixture(scope="session")
def program() -> Path:
    return built()


@pytest.fixture
def received(program: Path, tmp_path: Path) -> Iterator[Collector]:
    with collector(program, tmp_path) as made:
        yield made


def check_tree(tree: Tree, root: str, services: list[str]) -> None:
    """Run → service → platform → stage, and the engine's work beneath the stages."""
    top = tree.named(root)
    for name in services:
        service, platform = tree.named(name), tree.named(f"{name} linux/amd64")
        assert (service.parent, platform.parent) == (top.id, service.id)
        stages = {span.name: span for span in tree.ours if span.parent == platform.id}
        assert set(UNIT) <= set(stages)
        for span in (service, platform, *stages.values()):
            assert top.start <= span.start <= span.end <= top.end
            assert span.attributes["container.image.name"].endswith(f"/{name}")
        assert [tree.path(span) for span in stages.values() if span.name == "build"] == [
            [root, name, f"{name} linux/amd64", "build"]
        ]
        assert engine_spans_beneath(tree, stages["build"]), "the engine built outside of our span"
    assert {span.parent for span in tree.ours if span.name in {"session", "verify"}} == {top.id}


def engine_spans_beneath(tree: Tree, stage: Span) -> list[Span]:
    return [span for span in tree.engines if stage in tree.above(span)]


def test_a_release_is_one_trace_with_the_engines_spans_and_a_callers_above(
    scratch: Scratch, received: Collector
) -> None:
    scratch.service("web")
    scratch.service("worker")
    scratch.commit()
    scratch.env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": received.http, "TRACEPARENT": f"00-{TRACE}-{PARENT}-01"}
    done = scratch.sealift("build-all", "--no-push")
    assert done.returncode == 0, done.stderr
    record = scratch.record()
    tree = received.tree()
    top = tree.named("RUN sealift build-all")
    assert (top.trace, top.parent) == (TRACE, PARENT)
    check_tree(tree, top.name, ["web", "worker"])
    assert top.resource["service.version"]
    commit = run(["git", "rev-parse", "HEAD"], cwd=scratch.root).stdout.strip()
    wanted = {
        "cicd.pipeline.name": "sealift build-all",
        "cicd.pipeline.run.id": record["id"],
        "cicd.pipeline.result": "success",
        "vcs.ref.head.revision": commit,
    }
    assert wanted.items() <= top.attributes.items()
    for name in ("web", "worker"):
        entry = record["services"][name]
        digest = entry["platforms"]["linux/amd64"]["digest"]  # type: ignore[index]
        assert tree.named(f"{name} linux/amd64").attributes["oci.manifest.digest"] == digest
        assert tree.named(name).attributes["oci.manifest.digest"] == entry["index"]
    build = next(span for span in tree.ours if span.name == "build")
    assert build.attributes["cicd.pipeline.task.name"] == "build"
    assert build.attributes["cicd.pipeline.task.type"] == "build"
    assert build.attributes["cicd.pipeline.task.run.result"] == "success"
    assert not any(span.failed for span in tree.ours)
    shown = scratch.sealift("trace", "--json")
    assert json.loads(shown.stdout)["cache"]["steps"] is None
    assert "collector" in scratch.sealift("trace").stdout


def test_a_failing_build_fails_its_spans_up_to_the_run_also_over_grpc(scratch: Scratch, received: Collector) -> None:
    scratch.service("web", dockerfile="FROM python:3.11-slim-bookworm\nRUN echo planted-words && false\n")
    scratch.commit()
    scratch.env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": received.grpc, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    done = scratch.sealift("build-all", "--no-push")
    assert done.returncode == 8, done.stderr
    tree = received.tree()
    assert tree.engines, "the engine's spans did not come over grpc"
    for name in ("RUN sealift build-all", "web", "web linux/amd64", "build"):
        span = tree.named(name)
        assert span.failed, name
        assert span.attributes["error.type"] == "BuildError", name
        assert "planted-words" not in json.dumps(span.attributes), "what a tool printed is no attribute"
    assert tree.named("build").attributes["cicd.pipeline.task.run.result"] == "failure"
    assert tree.named("RUN sealift build-all").attributes["cicd.pipeline.result"] == "failure"
    assert json.loads(scratch.sealift("trace", "--json").stdout)["result"] == "failure"


def test_a_call_of_the_module_is_one_trace_beneath_the_function_and_exports_gauges(
    scratch: Scratch, received: Collector
) -> None:
    scratch.service("web")
    scratch.commit()
    # Its keys, and the layers that the module's run finds.
    assert scratch.sealift("build-all", "--no-push").returncode == 0
    size = scratch.record()["services"]["web"]["platforms"]["linux/amd64"]["size"]
    scratch.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": received.http,
        # The engine's client takes no other endpoint for metrics.
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{received.http}/v1/metrics",
    }
    done = scratch.dagger_call("build-all", "--no-push", "dist", "export", "--path=fetched")
    assert done.returncode == 0, done.stderr
    tree = received.tree()
    check_tree(tree, "RUN sealift build-all", ["web"])
    above = tree.above(tree.named("RUN sealift build-all"))
    assert any(span.name == "Ci.buildAll" for span in above), [span.name for span in above]
    trace = json.loads((scratch.root / "fetched/trace.json").read_text())
    assert (trace["engine"], trace["trace_id"]) == ("caller", tree.spans[0].trace)
    # Of the others there is neither a value nor a complaint: the engine passes on gauges only.
    passed_on = {"sealift_image_size_bytes", "sealift_image_vulnerabilities", "sealift_exceptions"}
    eventually(lambda: set(received.metrics()) >= passed_on, seconds=30)
    metrics = received.metrics()
    assert set(metrics) == passed_on
    assert [(item.labels["service"], item.value) for item in metrics["sealift_image_size_bytes"]] == [("web", size)]
    assert "Telemetry was not exported" not in done.stdout + done.stderr


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("answers", ["refuses", "is silent"])
def test_a_collector_that_is_not_there_costs_one_line(scratch: Scratch, answers: str, protocol: str) -> None:
    scratch.service("web", dockerfile=TINY, settings={"boot": None})
    scratch.commit()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers == "is silent":
            server.listen()
        scratch.env |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }
        done = scratch.sealift("build-all", "--no-push")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Telemetry was not exported, or not all of it: ") == 1
    assert "Traceback" not in done.stderr
    assert scratch.record()["state"] == "signed"


def test_without_a_collector_the_second_run_shows_what_the_engine_had(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.commit()
    found = []
    for _ in range(2):
        done = scratch.sealift("build-all", "--no-push")
        assert done.returncode == 0, done.stderr
        found.append(json.loads(scratch.sealift("trace", "--json").stdout))
    first, second = (item["cache"] for item in found)
    assert (first["units"]["hits"], first["units"]["misses"]) == (0, 1)
    assert (second["units"]["hits"], second["units"]["misses"]) == (1, 0)
    assert second["steps"]["hits"] > first["steps"]["hits"]
    assert second["steps"]["misses"] < first["steps"]["misses"]
    assert [step["stage"] for step in found[1]["critical_path"]][:3] == ["plan", "engine", "session"]
    assert "engine steps" in (scratch.root / "dist/summary.txt").read_text()
    steps = json.loads((scratch.root / "dist/trace.json").read_text())["steps"]
    scans = [step for step in steps if step["stage"] == "scan" and step["name"] == "Container.withExec"]
    assert scans
    assert all(step["cached"] and step["unit"] == "web linux/amd64" for step in scans)
