"""What is made of a trace: by hand-made traces whose answer is plain."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.errors import ConfigError, ExitCode
from pipelines.report import trace as report
from pipelines.report.plain import plain
from pipelines.report.trace_table import render
from pipelines.trace import FILE, Made, Stage, Step, Trace, read


def stage(name: str, unit: str, asked: float, start: float, seconds: float) -> Stage:
    return Stage(stage=name, unit=unit, asked=asked, start=start, seconds=seconds, result="success", span="0" * 16)


# Two images on one slot: b waits for a's build though it needs nothing of it; the index needs both.
STAGES = (
    stage("session", "", 0.0, 0.0, 1.0),
    stage("build", "a linux/amd64", 1.0, 1.0, 4.0),
    stage("build", "b linux/amd64", 1.0, 5.0, 2.0),
    stage("database", "", 1.0, 7.0, 0.5),
    stage("scan", "a linux/amd64", 7.5, 7.5, 1.5),
    stage("scan", "b linux/amd64", 7.5, 9.0, 1.0),
    stage("index", "a", 10.1, 10.1, 0.5),
    stage("close", "", 10.7, 10.7, 0.3),
)
TRACE = Trace(
    run="20250120T143000Z-abc1234-9f2c",
    command="build-all",
    result="success",
    trace_id="0af7651916cd43dd8448eb211c80319c",
    started=datetime(2025, 1, 20, 14, 30, tzinfo=UTC),
    jobs=1,
    wall_seconds=11.25,
    engine="here",
    stages=STAGES,
    units=(
        Made(unit="a linux/amd64", cached=False, seconds=8.0),
        Made(unit="b linux/amd64", cached=True, seconds=9.0),
    ),
    steps=(
        Step(name="Container.withExec", stage="build", unit="a linux/amd64", seconds=3.5, cached=False),
        Step(name="Container.from", stage="build", unit="a linux/amd64", seconds=0.25, cached=True),
        Step(name="Container.from", stage="build", unit="b linux/amd64", seconds=0.25, cached=True),
    ),
)


def names(path: list[report.Link]) -> list[str]:
    return [f"{link.stage.stage} {link.stage.unit}".strip() for link in path]


def test_the_critical_path_follows_what_was_needed_not_what_had_the_slot() -> None:
    path = report.critical_path(STAGES)
    # b's scan needed the database, which ended when it was asked for; a's scan only had the slot.
    assert names(path) == ["session", "database", "scan b linux/amd64", "index a", "close"]
    assert [link.waited for link in path] == [0.0, 6.0, 1.5, 0.1, 0.1]


def test_of_ends_at_the_same_time_that_of_the_same_image_was_waited_for() -> None:
    stages = [
        stage("build", "b linux/amd64", 0.0, 0.0, 2.005),
        stage("build", "a linux/amd64", 0.0, 0.0, 2.0),
        stage("scan", "a linux/amd64", 2.005, 2.005, 5.0),
    ]
    assert names(report.critical_path(stages)) == ["build a linux/amd64", "scan a linux/amd64"]


def test_what_comes_after_work_that_is_no_stage_follows_the_same_image() -> None:
    stages = [
        stage("build", "a linux/amd64", 0.0, 0.0, 2.0),
        stage("build", "b linux/amd64", 0.0, 0.0, 3.0),
        stage("scan", "a linux/amd64", 3.5, 3.5, 5.0),
    ]
    assert names(report.critical_path(stages)) == ["build a linux/amd64", "scan a linux/amd64"]


def test_rounded_times_break_no_chain() -> None:
    stages = [stage("build", "a x/y", 0.0, 0.0, 2.001), stage("scan", "a x/y", 2.0, 2.0, 1.0)]
    path = report.critical_path(stages)
    assert names(path) == ["build a x/y", "scan a x/y"]
    assert path[1].waited == 0.0


def test_stages_of_no_length_make_no_circle() -> None:
    stages = [stage("plan", "", 0.0, 0.0, 0.0), stage("engine", "", 0.0, 0.0, 0.0)]
    assert len(report.critical_path(stages)) == 1


def test_a_run_without_stages_has_an_empty_path() -> None:
    empty = TRACE.model_copy(update={"stages": (), "units": (), "steps": None})
    assert report.as_json(empty)["critical_path"] == []
    assert report.as_json(empty)["cache"]["steps"] is None
    assert list(report.in_short(empty)) == [
        "Time: 11.2 s, of which the critical path 0.0 s",
        "Cached: 0 of 0 images",
    ]


def test_time_waited_for_a_slot_counts_once_however_many_wait() -> None:
    # From 1 to 5 for b's build, to 7 for the database too; from 7.5 to 9 for b's scan.
    assert report.waited(STAGES) == 7.5


def test_golden_json(golden: Callable[[str, str], None]) -> None:
    golden("trace.json", json.dumps(report.as_json(TRACE), indent=2) + "\n")


@pytest.mark.parametrize("width", [120, 40])
def test_golden_table(golden: Callable[[str, str], None], width: int) -> None:
    shown = plain(render(TRACE, width=width), width=width)
    assert max(len(line) for line in shown.splitlines()) <= width
    golden(f"trace-{width}.txt", shown)


@pytest.mark.parametrize("engine", ["collector", "caller", "off"])
def test_a_trace_without_the_engines_spans_says_where_they_are(engine: str) -> None:
    shown = plain(render(TRACE.model_copy(update={"engine": engine, "steps": None}), width=120), width=120)
    (line,) = [line for line in shown.splitlines() if line.startswith("Engine steps")]
    assert {"collector": "collector", "caller": "client that called", "off": "OTEL_SDK_DISABLED"}[engine] in line


def test_a_trace_survives_its_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(TRACE.text())
    assert read(tmp_path / FILE) == TRACE


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "No such file or directory"),
        ("", "Invalid JSON"),
        (TRACE.text()[:200], "Invalid JSON"),
        (TRACE.text().replace('"format":1', '"format":2').replace('"format": 1', '"format": 2'), "format: Input"),
        ("[]", "is no trace of format 1"),
        ('{"format": 1}', "run: Field required"),
        (TRACE.text().replace("11.25", "-1"), "wall_seconds: Input"),
    ],
    ids=["missing", "empty", "half", "other version", "a list", "nothing in it", "negative time"],
)
def test_what_is_no_trace_is_a_configuration_error(tmp_path: Path, written: str | None, said: str) -> None:
    path = tmp_path / FILE
    if written is not None:
        path.write_text(written)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert caught.value.exit_code == ExitCode.CONFIG
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "remedy: run 'sealift build-all'" in str(caught.value)


def test_a_file_that_is_not_text_is_no_trace(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is no trace"):
        read(tmp_path / FILE)
