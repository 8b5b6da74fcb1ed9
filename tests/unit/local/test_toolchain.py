from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local import toolchain as module
from ci.local.python_runtime import start
from ci.local.setup import Setup, fingerprint
from ci.local.toolchain import (
    COMPOSE,
    COSIGN,
    DAGGER,
    FULCIO,
    KUBECONFORM,
    KYVERNO,
    LOCAL_KMS,
    LOCKS,
    OTELCOL,
    POLICY_CONTROLLER,
    REGCTL,
    REGISTRY,
    REKOR,
    SYFT,
    TESSERACT,
    TOXIPROXY,
    TRIVY,
    TSA,
    check_go,
    cli_folder,
    tool_folder,
)
from pipelines.errors import EngineError

if TYPE_CHECKING:
    from conftest import RecordingRunner

TOOLS = (COMPOSE, COSIGN, DAGGER, FULCIO, KUBECONFORM, OTELCOL, REGCTL, REGISTRY, REKOR, SYFT, TESSERACT, TOXIPROXY)
TOOLS += (KYVERNO, LOCAL_KMS, POLICY_CONTROLLER, TRIVY, TSA)


@pytest.fixture
def go(runner: RecordingRunner) -> RecordingRunner:
    runner.answer("go", "env", "GOVERSION", output="go1.26.8\n")
    return runner


def test_a_tool_is_built_once_from_its_lock(setup: Setup, go: RecordingRunner) -> None:
    folder = tool_folder(setup, TRIVY)
    assert tool_folder(setup, TRIVY) == folder
    (build,) = go.ran("go", "build")
    assert {"-mod=readonly", "-trimpath", "tool"} <= set(build)
    environment = go.environments[go.commands.index(build)]
    assert (environment["CGO_ENABLED"], environment["GOEXPERIMENT"]) == ("0", "jsonv2")
    assert not (folder / "source").exists()


def test_other_flags_are_another_folder(setup: Setup, go: RecordingRunner) -> None:
    tagged = replace(REGCTL, tags=("x",))
    folders = {
        tool_folder(setup, REGCTL),
        tool_folder(setup, tagged),
        tool_folder(replace(setup, machine="arm64"), REGCTL),
    }
    assert len(folders) == 3


def test_a_failed_build_leaves_nothing(setup: Setup, go: RecordingRunner) -> None:
    go.answer("go", "build", status=1, errors="no space left")
    with pytest.raises(EngineError, match="no space left"):
        tool_folder(setup, REGCTL)
    assert list(setup.paths.toolchain.iterdir()) == []


def test_the_path_gets_the_cli_alone(setup: Setup, go: RecordingRunner) -> None:
    assert [path.name for path in cli_folder(setup).iterdir()] == ["dagger"]


@pytest.mark.parametrize(
    ("version", "toolchain", "ok"),
    [
        ("go1.26.8", "local", True),
        ("go1.27rc1", "auto", True),
        ("go1.22.1", "auto", True),
        ("go1.22.1", "local", False),
        ("go1.19", "", False),
        ("", "", False),
    ],
)
def test_which_go_will_do(setup: Setup, runner: RecordingRunner, version: str, toolchain: str, ok: bool) -> None:
    runner.answer("go", "env", "GOVERSION", status=0 if version else 127, output=version)
    runner.answer("go", "env", "GOTOOLCHAIN", output=toolchain)
    if ok:
        check_go(setup)
    else:
        with pytest.raises(EngineError, match=r"Go 1\.26"):
            check_go(setup)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_lock_holds_the_version_that_is_said(tool: module.Tool) -> None:
    lock = (LOCKS / tool.name / "go.mod").read_text()
    assert f" v{tool.version}" in lock
    assert (LOCKS / tool.name / "go.sum").exists()


def test_a_fingerprint_knows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = fingerprint(tmp_path, "x")
    assert first == fingerprint(tmp_path, "x")
    assert first != fingerprint(tmp_path, "y")
    (tmp_path / "a").rename(tmp_path / "b")
    assert first != fingerprint(tmp_path, "x")
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


@pytest.mark.parametrize(("module_name", "expected"), [("ci", "Ci"), ("my-module", "MyModule"), ("a_b1", "AB1")])
def test_the_main_object_follows_the_modules_name(
    module_name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start.importlib.metadata, "entry_points", lambda **_: ())
    assert start.main_object(module_name) == expected


def test_an_entry_point_names_the_main_object(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("main_object", "ci.module:Other", "dagger.mod")
    monkeypatch.setattr(start.importlib.metadata, "entry_points", lambda **_: (point,))
    assert start.main_object("ci") == "Other"
