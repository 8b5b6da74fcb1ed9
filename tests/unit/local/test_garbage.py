from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local import garbage as module
from ci.local.garbage import Collected, collect
from ci.local.machine import locals_of
from ci.local.official import REGISTRY_IMAGE
from ci.local.processes import Process, identify
from ci.local.record import Ledger
from ci.local.runner import Completed
from ci.local.setup import Setup
from ci.local.storage import find_ours, pushed, uploading, usage
from pipelines.errors import RegistryError

if TYPE_CHECKING:
    from conftest import RecordingRunner

ADDRESS = "localhost:5000"
HEX = "a" * 64


@pytest.fixture
def contained(setup: Setup) -> Setup:
    """`up` started the registry as a container."""
    Ledger(setup.paths.record).container("registry", "docker", "sealift-registry")
    return setup


@pytest.fixture
def assembled(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """`up` started the registry as a process; this one stands for it."""
    me = identify(os.getpid())
    assert me is not None
    Ledger(setup.paths.record).process("registry", me)
    local, _ = locals_of(setup)
    local.storage.mkdir(parents=True)
    (local.storage / "file").write_bytes(b"x" * 5000)
    monkeypatch.setattr(module, "tool_folder", lambda _setup, _tool: Path("/tools"))
    return setup


@pytest.fixture
def calls(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the process."""
    made: list[str] = []

    def start(_: Setup, __: object) -> Process:
        made.append("start")
        return Process(4711, "1")

    def stop(_: Process) -> bool:
        made.append("stop")
        return True

    monkeypatch.setattr(module, "start_registry", start)
    monkeypatch.setattr(module, "end", stop)
    return made


def sizes(runner: RecordingRunner) -> None:
    runner.answer("docker", "exec", "sealift-registry", "du", output="2000\t/var/lib/registry\n")
    table = (
        "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 10000 7000 2000 78% /var/lib/registry\n"
    )
    runner.answer("docker", "exec", "sealift-registry", "df", output=table)


def test_the_process_is_stopped_for_it_and_started_again(
    assembled: Setup, runner: RecordingRunner, calls: list[str]
) -> None:
    done = collect(assembled, ADDRESS)
    config = str(assembled.paths.state / "registry/config.json")
    assert runner.commands == [["/tools/registry", "garbage-collect", config, "--delete-untagged=false"]]
    assert runner.environments[0].keys() == {"PATH", "OTEL_TRACES_EXPORTER"}
    assert calls == ["stop", "start"]
    assert Ledger(assembled.paths.record).record.processes["registry"] == Process(4711, "1")
    assert done.before == done.after >= 5000


def test_it_is_started_again_though_the_collection_failed(
    assembled: Setup, runner: RecordingRunner, calls: list[str]
) -> None:
    runner.answer("/tools/registry", "garbage-collect", status=1, errors="failed to mark")
    with pytest.raises(RegistryError, match="failed to mark"):
        collect(assembled, ADDRESS)
    assert calls == ["stop", "start"]


def test_it_does_not_begin_while_somebody_pushes(assembled: Setup, runner: RecordingRunner, calls: list[str]) -> None:
    local, _ = locals_of(assembled)
    data = local.storage / "docker/registry/v2/repositories/shop/web/_uploads/1/data"
    data.parent.mkdir(parents=True)
    data.write_bytes(b"half")
    waited: list[float] = []
    with pytest.raises(RegistryError, match="somebody pushes to localhost:5000"):
        collect(assembled, ADDRESS, waited.append)
    assert (sum(waited), calls, runner.commands) == (60, [], [])
    # One that was broken off long ago is no push.
    os.utime(data, (0, 0))
    ours = find_ours(assembled, ADDRESS)
    assert ours is not None
    assert list(uploading(ours)) == []


def test_a_container_is_stopped_and_its_volumes_are_used(
    contained: Setup, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes(runner)
    monkeypatch.setattr(module, "answers", lambda _port: True)
    assert collect(contained, ADDRESS) == Collected(before=2_048_000, after=2_048_000)
    stop, gc, start = (command for command in runner.commands if command[1] != "exec")
    assert (stop, start) == (["docker", "stop", "sealift-registry"], ["docker", "start", "sealift-registry"])
    assert gc[:5] == ["docker", "run", "--rm", "--volumes-from", "sealift-registry"]
    assert gc[-4:] == [REGISTRY_IMAGE, "garbage-collect", "/etc/distribution/config.yml", "--delete-untagged=false"]


def test_a_container_comes_back_though_the_collection_failed(
    contained: Setup, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes(runner)
    runner.answer("docker", "run", status=1, errors="no space left on device")
    monkeypatch.setattr(module, "answers", lambda _port: True)
    with pytest.raises(RegistryError, match="no space left"):
        collect(contained, ADDRESS)
    assert runner.commands[-1] == ["docker", "start", "sealift-registry"]


def test_a_container_that_does_not_stop_or_come_back_is_told(
    contained: Setup, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes(runner)
    monkeypatch.setattr(module, "answers", lambda _port: False)
    with pytest.raises(RegistryError, match="did not come back"):
        collect(contained, ADDRESS, lambda _: None)
    runner.answers.insert(0, no_such_container)
    monkeypatch.setattr(module, "answers", lambda _port: True)
    with pytest.raises(RegistryError, match="docker stop sealift-registry failed: no such container"):
        collect(contained, ADDRESS)
    assert not [command for command in runner.commands[-2:] if "garbage-collect" in command]


def no_such_container(command: list[str]) -> Completed | None:
    return Completed(1, errors="no such container") if command[:2] == ["docker", "stop"] else None


@pytest.mark.parametrize("address", ["localhost:5001", "ghcr.io", "example.com:5000"])
def test_another_registry_is_not_ours(contained: Setup, address: str) -> None:
    assert find_ours(contained, address) is None
    with pytest.raises(RegistryError, match="its garbage is not ours"):
        collect(contained, address)


def test_one_that_was_taken_down_is_not_there(setup: Setup) -> None:
    assert find_ours(setup, ADDRESS) is None
    Ledger(setup.paths.record).process("registry", Process(2**22 + 1, "1"))
    assert find_ours(setup, ADDRESS) is None


def test_what_a_container_takes_and_when_its_manifests_were_pushed(contained: Setup, runner: RecordingRunner) -> None:
    sizes(runner)
    ours = find_ours(contained, "127.0.0.1:5000")
    assert ours is not None
    disk = usage(contained, ours)
    assert (disk.held, disk.share) == (2_048_000, 0.8)
    line = f"1735689600 /var/lib/registry/docker/registry/v2/repositories/x/_manifests/revisions/sha256/{HEX}/link\n"
    runner.answer("docker", "exec", "sealift-registry", "sh", output=line)
    assert pushed(contained, ours, "x") == {f"sha256:{HEX}": datetime(2025, 1, 1, tzinfo=UTC)}


def test_a_container_that_does_not_tell_ends_it(contained: Setup, runner: RecordingRunner) -> None:
    runner.answer("docker", "exec", status=1, errors="container is not running")
    ours = find_ours(contained, ADDRESS)
    assert ours is not None
    with pytest.raises(RegistryError, match="container is not running"):
        pushed(contained, ours, "x")


def test_files_tell_when_manifests_were_pushed(assembled: Setup) -> None:
    local, _ = locals_of(assembled)
    there = local.storage / f"docker/registry/v2/repositories/shop/web/_manifests/revisions/sha256/{HEX}"
    there.mkdir(parents=True)
    ours = find_ours(assembled, ADDRESS)
    assert ours is not None
    # What was deleted leaves its folder behind.
    assert pushed(assembled, ours, "shop/web") == {}
    (there / "link").write_text("x")
    os.utime(there / "link", (1_735_689_600, 1_735_689_600))
    assert pushed(assembled, ours, "shop/web") == {f"sha256:{HEX}": datetime(2025, 1, 1, tzinfo=UTC)}
    assert pushed(assembled, ours, "not/there") == {}
