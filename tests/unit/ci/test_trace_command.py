from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from opentelemetry.trace import NoOpTracer

from ci.cli import cli
from ci.trace_command import write_trace
from pipelines.errors import ConfigError, ExitCode
from pipelines.telemetry import Recorder
from pipelines.trace import Trace


@pytest.fixture
def trace() -> Trace:
    recorder = Recorder(tracer=NoOpTracer(), command="build-all")
    with recorder.stage("plan"):
        pass
    recorder.named("20250120T143000Z-abc1234-9f2c")
    recorder.end()
    return recorder.trace("off")


@pytest.mark.parametrize("arguments", [["--out", "made"], ["made/trace.json"]])
def test_it_shows_the_trace_of_a_folder_or_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trace: Trace, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_trace(trace, Path("made"))
    shown = CliRunner().invoke(cli, ["trace", *arguments])
    assert shown.exit_code == 0, shown.output
    assert "Run 20250120T143000Z-abc1234-9f2c · build-all · success" in shown.output
    as_json = json.loads(CliRunner().invoke(cli, ["trace", "--json", *arguments]).output)
    assert (as_json["format"], as_json["run"]) == (1, "20250120T143000Z-abc1234-9f2c")
    assert [link["stage"] for link in as_json["critical_path"]] == ["plan"]


def test_without_a_trace_it_ends_with_the_configurations_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failure = CliRunner().invoke(cli, ["trace"]).exception
    assert isinstance(failure, ConfigError)
    assert failure.exit_code == ExitCode.CONFIG
    assert "dist/trace.json" in str(failure)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, trace: Trace) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_trace(trace, tmp_path / "taken")
