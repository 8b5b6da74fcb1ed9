from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local import system as module
from ci.local.setup import Setup
from ci.local.system import NEEDED, emulates, enable_emulation, install_packages, missing_packages
from pipelines.errors import EngineError

if TYPE_CHECKING:
    from conftest import RecordingRunner

HANDLER = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\n"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system with nothing in it."""
    monkeypatch.setattr(module, "_FOUND_HERE", (str(tmp_path / "sbin"),))
    monkeypatch.setattr(module, "_NETWORK", Path("/nowhere/netavark"))
    return tmp_path


def test_what_is_missing_is_named_by_its_package(bare: Path, runner: RecordingRunner) -> None:
    assert set(missing_packages(runner, bare)) == {*NEEDED.values(), "netavark"}
    runner.programs = set(NEEDED)
    assert missing_packages(runner, bare) == ["netavark"]


def test_root_installs_what_is_missing(bare: Path, setup: Setup, runner: RecordingRunner) -> None:
    runner.programs = {*NEEDED, "apt-get"} - {"podman"}

    def install(command: list[str]) -> None:
        if "install" in command:
            runner.programs.add("podman")
            module._NETWORK = bare / "netavark"
            module._NETWORK.write_text("x")

    runner.answers.append(install)
    install_packages(setup)
    (command,) = [command for command in runner.commands if "install" in command]
    assert command[:3] == ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    assert command[-2:] == ["podman", "netavark"]


@pytest.mark.parametrize("apt", [True, False])
def test_where_that_cannot_be_done_the_packages_are_named(
    bare: Path, user: Setup, runner: RecordingRunner, apt: bool
) -> None:
    runner.programs = {"apt-get"} if apt else set()
    runner.answer("sudo", "-n", "true", status=1)
    with pytest.raises(EngineError) as caught:
        install_packages(user)
    assert "mmdebstrap" in caught.value.what
    assert "apt-get install podman" in caught.value.remedy
    assert ("needs root" if apt else "not a Debian system") in caught.value.what


def test_sudo_never_asks(bare: Path, user: Setup, runner: RecordingRunner) -> None:
    runner.programs = {"apt-get"}
    with pytest.raises(EngineError, match="did not bring"):
        install_packages(user)
    assert all(command[:2] == ["sudo", "-n"] for command in runner.commands)


def test_emulation_needs_the_fix_binary_flag(tmp_path: Path) -> None:
    handler = tmp_path / "qemu-aarch64"
    assert not emulates("amd64", tmp_path)
    handler.write_text(HANDLER)
    assert emulates("amd64", tmp_path)
    handler.write_text(HANDLER.replace("POCF", "POC"))
    assert not emulates("amd64", tmp_path)
    handler.write_text(HANDLER.replace("enabled", "disabled"))
    assert not emulates("amd64", tmp_path)
    (tmp_path / "qemu-x86_64").write_text(HANDLER)
    assert emulates("arm64", tmp_path)


def test_emulation_is_registered(tmp_path: Path, setup: Setup, runner: RecordingRunner) -> None:
    def register(command: list[str]) -> None:
        if "--enable" in command:
            (tmp_path / "qemu-aarch64").write_text(HANDLER)

    runner.answers.append(register)
    assert enable_emulation(setup, tmp_path) is None
    assert [command[0] for command in runner.commands] == ["mount", "/usr/sbin/update-binfmts"]
    assert enable_emulation(setup, tmp_path) is None
    assert len(runner.commands) == 2


def test_where_it_cannot_be_registered_there_is_a_note(tmp_path: Path, setup: Setup, runner: RecordingRunner) -> None:
    runner.answer("/usr/sbin/update-binfmts", status=2, errors="no such file")
    note = enable_emulation(setup, tmp_path)
    assert note is not None
    assert "aarch64" in note
    assert "no such file" in note
