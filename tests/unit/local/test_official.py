from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local import official as module
from ci.local.official import (
    ENGINE_IMAGE,
    REGISTRY_IMAGE,
    find_cli,
    live_tool,
    official_environment,
    official_tool,
    registry_container,
    remove_container,
)
from ci.local.registry import Local
from ci.local.setup import Setup
from pipelines.errors import EngineError, RegistryError

if TYPE_CHECKING:
    from conftest import RecordingRunner


@pytest.fixture
def registry(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Local:
    monkeypatch.setattr(module, "check_port", lambda _local: None)
    monkeypatch.setattr(module, "answers", lambda _port: True)
    return Local("registry", 5000, setup.paths.state / "blobs", "SEALIFT_REGISTRY_PORT")


def test_a_client_without_a_daemon_is_no_tool(setup: Setup, runner: RecordingRunner) -> None:
    runner.programs = {"docker", "podman"}
    runner.answer("docker", "info", status=1)
    assert live_tool(setup) == ["podman"]


def test_an_image_that_is_there_is_not_pulled(setup: Setup, runner: RecordingRunner) -> None:
    runner.programs = {"docker"}
    assert official_tool(setup) == "docker"
    assert runner.commands == [["docker", "info"], ["docker", "image", "inspect", ENGINE_IMAGE]]


def test_an_image_that_cannot_be_pulled_rules_a_tool_out(
    setup: Setup, runner: RecordingRunner, said: list[str]
) -> None:
    runner.programs = {"docker", "nerdctl"}
    runner.answer("docker", "image", "inspect", status=1)
    runner.answer("docker", "pull", status=1, errors="no such host")
    runner.answer("nerdctl", "image", "inspect", status=1)
    assert official_tool(setup) == "nerdctl"
    assert any("docker cannot have the official image" in line and "no such host" in line for line in said)
    assert runner.ran("nerdctl", "pull") == [["nerdctl", "pull", ENGINE_IMAGE]]


def test_no_tool_at_all(setup: Setup, runner: RecordingRunner) -> None:
    assert official_tool(setup) is None
    assert runner.commands == []


def test_the_driver_is_named() -> None:
    environment = official_environment("podman", Path("/bin/dagger"))
    assert environment["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] == f"image+podman://{ENGINE_IMAGE}"
    assert environment["_EXPERIMENTAL_DAGGER_CLI_BIN"] == "/bin/dagger"


def test_a_cli_of_our_version_on_the_path_is_taken(setup: Setup, runner: RecordingRunner) -> None:
    runner.programs = {"dagger"}
    runner.answer("/usr/bin/dagger", "version", output="dagger v0.21.8 (docker-image://…) linux/amd64\n")
    assert find_cli(setup) == Path("/usr/bin/dagger")


def test_a_cli_of_another_version_is_not(
    setup: Setup, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.programs = {"dagger"}
    runner.answer("/usr/bin/dagger", "version", output="dagger v0.21.80 (…) linux/amd64\n")
    monkeypatch.setattr(module, "_download", lambda _setup: Path("/downloaded/dagger"))
    assert find_cli(setup) == Path("/downloaded/dagger")


def test_without_a_download_the_cli_is_built(setup: Setup, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_setup: Setup) -> Path:
        raise EngineError("it could not be downloaded", remedy="none")

    monkeypatch.setattr(module, "_download", refuse)
    monkeypatch.setattr(module, "cli_folder", lambda _setup: Path("/built"))
    monkeypatch.setattr(module.sys, "platform", "linux")
    assert find_cli(setup) == Path("/built/dagger")
    monkeypatch.setattr(module.sys, "platform", "darwin")
    with pytest.raises(EngineError):
        find_cli(setup)


def test_the_registry_is_bound_to_the_loopback_with_a_volume(
    setup: Setup, runner: RecordingRunner, registry: Local
) -> None:
    assert registry_container(setup, "docker", registry) == "sealift-registry"
    (command,) = runner.ran("docker", "run")
    assert command[command.index("--publish") + 1] == "127.0.0.1:5000:5000"
    assert command[command.index("--volume") + 1] == "sealift-registry:/var/lib/registry"
    assert "REGISTRY_STORAGE_DELETE_ENABLED=true" in command
    assert command[-1] == REGISTRY_IMAGE


def test_a_registry_that_does_not_start(setup: Setup, runner: RecordingRunner, registry: Local) -> None:
    runner.answer("docker", "run", status=125, errors="Error: bind: permission denied")
    with pytest.raises(RegistryError, match="permission denied"):
        registry_container(setup, "docker", registry)


def test_only_a_purge_removes_the_volume(setup: Setup, runner: RecordingRunner) -> None:
    runner.answer("docker", "rm", output="sealift-registry\n")
    assert remove_container(setup, "docker", "sealift-registry", purge=False)
    assert runner.ran("docker", "volume") == []
    assert remove_container(setup, "docker", "sealift-registry", purge=True)
    assert runner.ran("docker", "volume") == [["docker", "volume", "rm", "--force", "sealift-registry"]]
