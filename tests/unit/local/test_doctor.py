from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ci.local import doctor as module
from ci.local.doctor import Finding, diagnose
from ci.local.podman import Kernel
from ci.local.record import Ledger
from ci.local.setup import Setup

if TYPE_CHECKING:
    from conftest import RecordingRunner


class Usage(NamedTuple):
    total: int
    free: int


@pytest.fixture
def healthy(setup: Setup, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """A machine with Docker, on which nothing is up."""
    runner.programs = {"docker"}
    runner.answer("go", "env", "GOVERSION", output="go1.26.8")
    monkeypatch.setattr(module, "missing_packages", lambda _runner: [])
    monkeypatch.setattr(module, "emulates", lambda _machine: True)
    monkeypatch.setattr(module, "answers", lambda _port: False)
    monkeypatch.setattr(module, "port_holder", lambda _port: None)
    monkeypatch.setattr(module, "read_kernel", lambda: Kernel(False, None))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(100 * module.GIGABYTE, 50 * module.GIGABYTE))
    return setup


def one(findings: list[Finding], word: str) -> Finding:
    (found,) = [finding for finding in findings if word in finding.what]
    return found


def test_a_healthy_machine(healthy: Setup, tmp_path: Path) -> None:
    assert {finding.level for finding in diagnose(healthy, tmp_path)} == {"ok"}


def test_nothing_is_started_or_installed(healthy: Setup, runner: RecordingRunner, tmp_path: Path) -> None:
    diagnose(healthy, tmp_path)
    assert {" ".join(command) for command in runner.commands} <= {"docker info", "go env GOVERSION", "sudo -n true"}


def test_what_is_not_ok_has_a_remedy(
    healthy: Setup, runner: RecordingRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.programs = set()
    runner.answers.clear()
    runner.answer("go", status=127)
    monkeypatch.setattr(module, "missing_packages", lambda _runner: ["podman"])
    monkeypatch.setattr(module, "emulates", lambda _machine: False)
    monkeypatch.setattr(module, "port_holder", lambda _port: "nginx (process 12)")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(100 * module.GIGABYTE, 3 * module.GIGABYTE))
    (tmp_path / ".env").write_text("x" * 100_000)
    findings = diagnose(healthy, tmp_path)
    assert all(finding.remedy for finding in findings if finding.level != "ok")
    assert one(findings, "no container tool").level == "warn"
    assert one(findings, "no Go").level == "fail"
    assert one(findings, "podman").level == "warn", "root can install it"
    assert one(findings, "GB free").level == "warn"
    assert one(findings, "every run starts cold").level == "warn"
    assert one(findings, "QEMU").level == "warn"
    assert one(findings, "nginx (process 12)").level == "fail"
    assert one(findings, ".env").level == "warn"


def test_a_user_without_sudo_cannot_install(
    healthy: Setup, runner: RecordingRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.programs = set()
    runner.answer("sudo", status=1)
    monkeypatch.setattr(module, "missing_packages", lambda _runner: ["podman"])
    assert one(diagnose(replace(healthy, root=False), tmp_path), "podman").level == "fail"


def test_authorities_cost_with_official_images_only(healthy: Setup, runner: RecordingRunner, tmp_path: Path) -> None:
    trusting = replace(healthy, extra_cas=(tmp_path / "ca.crt",))
    assert one(diagnose(trusting, tmp_path), "certificate authorities were added").level == "warn"
    Ledger(healthy.paths.record).engine(mode="assembled", key="1")
    assert one(diagnose(trusting, tmp_path), "certificate authorities were added").level == "ok"


def test_an_engine_that_should_be_up(healthy: Setup, tmp_path: Path) -> None:
    Ledger(healthy.paths.record).engine(mode="assembled", key="1")
    found = one(diagnose(healthy, tmp_path), "engine is down")
    assert (found.level, "sealift up" in found.remedy) == ("warn", True)


def test_a_named_engine_needs_no_tool(healthy: Setup, runner: RecordingRunner, tmp_path: Path) -> None:
    runner.programs = set()
    environment = {"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "tcp://far:1234"}
    assert one(diagnose(replace(healthy, environment=environment), tmp_path), "tcp://far:1234").level == "ok"
