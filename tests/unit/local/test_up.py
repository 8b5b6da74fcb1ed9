from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ci.local import down as down_module
from ci.local import up as module
from ci.local.engine import engine_address
from ci.local.official import ENGINE_IMAGE
from ci.local.paths import find_paths
from ci.local.processes import Process
from ci.local.record import Ledger, Record, load_record
from ci.local.setup import Setup
from ci.local.up import Running, down, env_lines, up
from pipelines.errors import ConfigError, EngineError

HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"


@pytest.fixture
def started(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was started, on a machine where everything works and nothing is up."""
    calls: list[str] = []

    def assemble(_setup: Setup, ledger: Ledger, _mirror: object, _registry: object) -> tuple[Path, Path, tuple[str]]:
        calls.append("assembled")
        ledger.container("engine", "podman", "abc")
        ledger.engine(mode="assembled", key="1")
        return Path("/tools/cli/dagger"), Path("/tools/more"), ("a note",)

    def process(_setup: Setup, local: object) -> Process:
        calls.append("registry process")
        return Process(2**22 + 1, "1")

    def container(_setup: Setup, tool: str, _local: object) -> str:
        calls.append(f"registry in {tool}")
        return "sealift-registry"

    monkeypatch.setattr(module, "assemble", assemble)
    monkeypatch.setattr(module, "start_registry", process)
    monkeypatch.setattr(module, "registry_container", container)
    monkeypatch.setattr(module, "official_tool", lambda _setup: None)
    monkeypatch.setattr(module, "registry_tool", lambda _setup: None)
    monkeypatch.setattr(module, "check_reachable", lambda _environment: None)
    monkeypatch.setattr(module, "find_cli", lambda _setup: Path("/found/dagger"))
    monkeypatch.setattr(module, "answers", lambda _port: False)
    return calls


def test_an_engine_that_the_environment_names_is_used(setup: Setup, started: list[str]) -> None:
    running = up(replace(setup, environment={HOST: "tcp://far:1234", "PATH": "/bin"}))
    assert (running.mode, running.rebuilt, running.registry) == ("given", False, "localhost:5000")
    assert running.environment == {
        HOST: "tcp://far:1234",
        "_EXPERIMENTAL_DAGGER_CLI_BIN": "/found/dagger",
        "PATH": "/found:/bin",
    }
    assert started == ["registry process"]


def test_for_a_given_engine_that_does_not_answer_nothing_is_fetched(
    setup: Setup, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_environment: Mapping[str, str]) -> None:
        raise EngineError("nobody", remedy="none, this is a test")

    monkeypatch.setattr(module, "check_reachable", nobody)
    monkeypatch.setattr(module, "find_cli", lambda _setup: pytest.fail("the command was looked for"))
    with pytest.raises(EngineError, match="nobody"):
        up(replace(setup, environment={HOST: "tcp://far:1234"}))
    assert started == []


def test_folders_that_cannot_be_written_are_told_before_anything_starts(
    setup: Setup, started: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    environment = {
        "SEALIFT_STATE_DIR": str(file / "state"),
        "SEALIFT_CACHE_DIR": "/proc/sealift",
        "SEALIFT_KEYS_DIR": str(tmp_path / "keys"),
    }
    broken = replace(setup, environment=environment, paths=find_paths(environment))
    for act in (up, down):
        with pytest.raises(ConfigError) as caught:
            act(broken)
        assert f"SEALIFT_STATE_DIR: {file}/state: Not a directory" in str(caught.value)
        assert "SEALIFT_CACHE_DIR: /proc/sealift: " in str(caught.value)
        assert "SEALIFT_KEYS_DIR" not in str(caught.value)
    assert started == []
    assert list(tmp_path.glob("keys")) == []


def test_a_given_engine_leaves_ours_alone(setup: Setup, started: list[str]) -> None:
    up(setup)
    before = load_record(setup.paths.record)
    up(replace(setup, environment={HOST: "tcp://far:1234"}))
    assert load_record(setup.paths.record).engine_key == before.engine_key == "1"
    assert load_record(setup.paths.record).mode == "assembled"


def test_with_a_given_engine_the_registry_is_a_container_where_it_can_be(
    setup: Setup, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "registry_tool", lambda _setup: "nerdctl")
    up(replace(setup, environment={HOST: "tcp://far:1234"}))
    assert started == ["registry in nerdctl"]


def test_the_official_images_are_preferred(setup: Setup, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "official_tool", lambda _setup: "docker")
    running = up(setup)
    assert (running.mode, running.rebuilt) == ("containers", False)
    assert running.environment[HOST] == f"image+docker://{ENGINE_IMAGE}"
    assert started == ["registry in docker"]


def test_otherwise_the_engine_is_assembled(setup: Setup, started: list[str]) -> None:
    running = up(setup)
    assert (running.mode, running.rebuilt, running.notes) == ("assembled", True, ("a note",))
    assert running.environment[HOST] == engine_address(setup)
    assert running.environment["PATH"] == "/tools/cli:/bin:/tools/more"
    assert started == ["assembled", "registry process"]


def test_once_assembled_the_official_images_are_not_asked_for_again(
    setup: Setup, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    up(setup)
    monkeypatch.setattr(module, "official_tool", lambda _setup: pytest.fail("asked again"))
    up(setup)


@pytest.mark.parametrize("own", ["assembled", "official"])
def test_what_env_printed_is_no_given_engine(setup: Setup, started: list[str], own: str) -> None:
    host = engine_address(setup) if own == "assembled" else f"image+docker://{ENGINE_IMAGE}"
    assert up(replace(setup, environment={HOST: host})).mode == "assembled"


def test_a_second_up_in_its_own_environment_changes_nothing(setup: Setup, started: list[str]) -> None:
    running = up(setup)
    again = up(replace(setup, environment=dict(running.environment)))
    assert again.environment == running.environment


def test_a_registry_of_somebody_elses_is_used_with_a_note(
    setup: Setup, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "answers", lambda _port: True)
    running = up(setup)
    assert "registry process" not in started
    assert any("did not start" in note for note in running.notes)


def test_the_registrys_port_can_be_moved(setup: Setup, started: list[str]) -> None:
    assert up(replace(setup, environment={"SEALIFT_REGISTRY_PORT": "5999"})).registry == "localhost:5999"
    with pytest.raises(ConfigError, match="SEALIFT_REGISTRY_PORT"):
        up(replace(setup, environment={"SEALIFT_REGISTRY_PORT": "70000"}))


def test_down_stops_what_was_written_down_and_nothing_else(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[object] = []
    monkeypatch.setattr(down_module, "read_kernel", lambda: None)
    monkeypatch.setattr(down_module, "Podman", lambda *_: None)
    monkeypatch.setattr(down_module, "stop_engine", lambda _podman, container: not stopped.append(container))
    monkeypatch.setattr(down_module, "end", lambda process: not stopped.append(process.pid))
    assert down(setup) == []
    ledger = Ledger(setup.paths.record)
    ledger.container("engine", "podman", "abc")
    ledger.process("mirror", Process(7, "1"))
    ledger.process("registry", Process(8, "1"))
    (setup.paths.state / "registry").mkdir()
    assert down(setup) == ["engine", "mirror", "registry"]
    assert stopped == ["abc", 7, 8]
    assert (setup.paths.state / "registry").exists()
    assert load_record(setup.paths.record) == Record()
    assert down(setup) == []


def test_a_purge_removes_the_state_and_not_the_cache(setup: Setup, runner: object) -> None:
    for name in ("registry", "engine"):
        (setup.paths.state / name).mkdir()
    removed = down(setup, purge=True)
    assert removed == [str(setup.paths.state / "registry"), str(setup.paths.state / "engine")]
    assert [command[-1] for command in runner.commands] == removed  # type: ignore[attr-defined]
    assert not any(str(setup.paths.cache) in part for command in runner.commands for part in command)  # type: ignore[attr-defined]


def test_a_broken_record_counts_as_none(setup: Setup) -> None:
    for text in ("", "[]", "{", json.dumps({"mode": "x"})):
        setup.paths.record.write_text(text)
        assert load_record(setup.paths.record) == Record()


def test_every_change_is_written_down_at_once(setup: Setup) -> None:
    ledger = Ledger(setup.paths.record)
    ledger.process("mirror", Process(7, "12"))
    assert load_record(setup.paths.record).processes == {"mirror": Process(7, "12")}
    ledger.container("engine", "podman", "abc")
    ledger.engine(mode="assembled", key="k")
    assert load_record(setup.paths.record) == ledger.record


def test_shell_lines_are_quoted() -> None:
    running = Running(
        mode="given", cli=Path("/x"), environment={"B": "it's", "A": "b c"}, registry="localhost:5000", rebuilt=False
    )
    lines = env_lines(running)
    assert lines == ["export A='b c'", "export B=" + shlex.quote("it's")]
