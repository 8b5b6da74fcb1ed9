from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench.bench import rotated
from tests.bench.blobs import blobs
from tests.bench.buildkit import build_arguments
from tests.bench.machine import cores, describe
from tests.bench.samples import Step
from tests.bench.sealift import of_record, of_rows, steps
from tests.bench.target import Uploads, total

METRICS = """\
# TYPE registry_http_requests_total counter
registry_http_requests_total{code="201",handler="blob_upload",method="post"} 4
registry_http_requests_total{code="202",handler="blob_upload",method="post"} 6
registry_http_requests_total{code="202",handler="blob_upload_chunk",method="patch"} 1
# TYPE registry_http_request_size_bytes histogram
registry_http_request_size_bytes_bucket{handler="blob_upload_chunk",le="+Inf"} 6
registry_http_request_size_bytes_sum{handler="blob_upload_chunk"} 9.5919667e+07
registry_http_request_size_bytes_sum{handler="manifest"} 3891
"""


def test_everyone_is_first_in_turn() -> None:
    order: list[Any] = ["a", "b", "c"]
    assert [rotated(order, number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert sorted(rotated(order, 5)) == order


def test_uploads_are_those_that_the_registry_accepted() -> None:
    posted = {"handler": "blob_upload", "method": "post", "code": "202"}
    assert total(METRICS, "registry_http_requests_total", **posted) == 6
    assert total(METRICS, "registry_http_request_size_bytes_sum", handler="blob_upload_chunk") == 95919667
    assert total(METRICS, "no_such_metric") == 0
    assert Uploads(7, 100).since(Uploads(5, 60)) == Uploads(2, 40)


def test_layers_are_the_blobs_that_are_gzip(tmp_path: Path) -> None:
    for name, content in (("aa", b"\x1f\x8b layer"), ("bb", b"{}")):
        folder = tmp_path / f"docker/registry/v2/blobs/sha256/{name}/{name}00"
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(content)
    assert {(blob["bytes"], blob["layer"]) for blob in blobs(tmp_path)} == {(8, True), (2, False)}
    assert blobs(tmp_path / "nothing") == []


def service(**changes: Any) -> dict[str, Any]:
    return {
        "name": "docs",
        "context": "services/go",
        "dockerfile": "services/go/docs.Dockerfile",
        "target": None,
        "args": {"LEVEL": "2"},
        "needs": {"web": "WEB_IMAGE"},
        **changes,
    }


def test_buildctl_gets_what_the_plan_says(tmp_path: Path) -> None:
    both = ("linux/amd64", "linux/arm64")
    words = build_arguments(tmp_path, service(target="final"), both, {"web": "sha256:12"}, "localhost:5601")
    options = [words[at + 1] for at, word in enumerate(words) if word == "--opt"]
    assert options == [
        "platform=linux/amd64,linux/arm64",
        "filename=docs.Dockerfile",
        "target=final",
        "build-arg:LEVEL=2",
        "build-arg:WEB_IMAGE=localhost:5601/web@sha256:12",
    ]
    assert f"context={tmp_path}/services/go" in words
    assert f"dockerfile={tmp_path}/services/go" in words
    assert words[-1] == "type=image,name=localhost:5601/docs:bench,push=true,oci-mediatypes=true"


def test_stages_are_read_from_progress_lines() -> None:
    lines = [
        "[   4.9s] … build            aidb linux/arm64",
        "[   5.8s] ✓ build            aidb linux/arm64                   0.8s  43dd3a31cbee",
        "[ 125.0s] ✓ database                                          103.6s  of 2024-12-01, the sample",
        "[   1.0s] ✗ scan             aidb linux/arm64                   0.8s",
        "warning: something else",
    ]
    assert list(steps(lines)) == [
        Step(name="build", unit="aidb linux/arm64", began=5.0, seconds=0.8),
        Step(name="database", unit="", began=21.4, seconds=103.6),
    ]


def test_the_record_says_what_was_made() -> None:
    units = {
        "linux/amd64": {"digest": "sha256:1", "cached": True},
        "linux/arm64": {"digest": "sha256:2", "cached": False},
    }
    outcome = of_record({"services": {"web": {"index": "sha256:0", "platforms": units}}}, ())
    assert outcome.made == ["web linux/arm64"]
    assert outcome.digests == {"web linux/amd64": "sha256:1", "web linux/arm64": "sha256:2"}


def test_build_does_not_say_what_was_cached() -> None:
    outcome = of_rows([{"service": "web", "platform": "linux/amd64", "digest": "sha256:1"}], ())
    assert (outcome.digests, outcome.made) == ({"web linux/amd64": "sha256:1"}, None)


def test_the_machine_is_described_without_its_name(tmp_path: Path) -> None:
    for name, text in (
        ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Example 9000\n"),
        ("proc/meminfo", "MemTotal:       25165824 kB\nMemFree: 1 kB\n"),
        ("etc/os-release", 'NAME="Example"\nPRETTY_NAME="Example 1 (one)"\n'),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    machine = describe(tmp_path)
    assert machine["memory"] == "24 GiB"
    assert machine["system"] == "Example 1 (one)"
    assert "Example 9000" in machine["processor"]
    assert cores(machine) >= 1
