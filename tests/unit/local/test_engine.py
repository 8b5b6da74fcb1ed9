from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local import engine as module
from ci.local.engine import (
    busy,
    container_name,
    engine_address,
    engine_config,
    engine_key,
    listens,
    start_engine,
    stop_engine,
)
from ci.local.paths import Paths, find_paths
from ci.local.podman import Kernel, Podman
from ci.local.registry import Local
from ci.local.setup import Setup
from pipelines.errors import EngineError

if TYPE_CHECKING:
    from conftest import RecordingRunner

IMAGE = "localhost:5055/sealift/engine:1"


@pytest.fixture
def mirror(setup: Setup) -> Local:
    return Local("mirror", 5055, setup.paths.cache / "mirror", "SEALIFT_MIRROR_PORT")


@pytest.fixture
def podman(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Podman:
    monkeypatch.setattr(Podman, "image", lambda _self, _mirror: IMAGE)
    return Podman(setup, Kernel(False, None))


def test_every_upstream_is_looked_for_in_the_mirror_over_plain_http(setup: Setup, mirror: Local) -> None:
    registry = Local("registry", 5000, setup.paths.state, "SEALIFT_REGISTRY_PORT")
    registries = engine_config(mirror, registry)["registries"]
    assert registries["docker.io"] == {"mirrors": ["localhost:5055/docker.io"]}
    assert {"gcr.io", "ghcr.io", "quay.io"} <= set(registries)
    assert registries["localhost:5055"] == registries["localhost:5000"] == {"http": True}


def test_another_port_makes_another_engine(setup: Setup, mirror: Local) -> None:
    other = replace(mirror, port=5056)
    keys = {engine_key(setup, engine_config(one, one)) for one in (mirror, mirror, other)}
    assert len(keys) == 2


def test_the_engine_is_privileged_on_the_hosts_network_and_keeps_its_state(
    setup: Setup, mirror: Local, podman: Podman, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.answer("env", "podman", "run", output="abc123\n")
    monkeypatch.setattr(module, "listens", lambda _path: True)
    assert start_engine(setup, podman, mirror, {"registries": {}}) == "abc123"
    (command,) = runner.ran("env", "podman", "run")
    assert {"--privileged", "--detach"} <= set(command)
    assert command[command.index("--network") + 1] == "host"
    assert f"{setup.paths.state}/engine:/var/lib/dagger" in command
    assert command[command.index(IMAGE) + 1 :][:2] == ["--addr", "unix:///run/dagger/engine.sock"]
    assert json.loads((setup.paths.state / "engine.json").read_text()) == {"registries": {}}
    assert (setup.paths.state / "run").stat().st_mode & 0o077 == 0, "whoever reaches an engine is root"


def test_an_engine_that_dies_is_quoted(
    setup: Setup, mirror: Local, podman: Podman, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.answer("env", "podman", "run", output="abc123\n")
    runner.answer("env", "podman", "inspect", output="false\n")
    runner.answer("env", "podman", "logs", errors="iptables: not permitted\n")
    monkeypatch.setattr(module, "listens", lambda _path: False)
    with pytest.raises(EngineError, match="iptables: not permitted"):
        start_engine(setup, podman, mirror, {}, pause=lambda _: None)


@pytest.mark.parametrize(
    ("log", "phrase"), [("persistence store marked unclean", "empties its cache"), ("detected mtu", "still starting")]
)
def test_an_engine_that_starts_slowly_is_waited_for(
    setup: Setup,
    mirror: Local,
    podman: Podman,
    runner: RecordingRunner,
    monkeypatch: pytest.MonkeyPatch,
    log: str,
    phrase: str,
    said: list[str],
) -> None:
    looks = iter([False] * 500)
    runner.answer("env", "podman", "run", output="abc123\n")
    runner.answer("env", "podman", "logs", errors=f"{log}\n")
    monkeypatch.setattr(module, "listens", lambda _path: next(looks, True))
    assert start_engine(setup, podman, mirror, {}, pause=lambda _: None) == "abc123"
    assert [phrase in note for note in said[1:]] == [True] * 8, "once in 60 looks"


def test_an_engine_that_never_listens_is_given_up(
    setup: Setup, mirror: Local, podman: Podman, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    runner.answer("env", "podman", "run", output="abc123\n")
    runner.answer("env", "podman", "logs", errors="still at it\n")
    monkeypatch.setattr(module, "listens", lambda _path: False)
    with pytest.raises(EngineError, match=r"(?s)did not listen within 30 minutes.*still at it"):
        start_engine(setup, podman, mirror, {}, pause=waited.append)
    assert 1790 < sum(waited) <= 1800


def listed(*names: str) -> str:
    """What `podman ps` says of a running engine that keeps its state elsewhere."""
    return json.dumps([{"Names": names, "Pid": 42, "Labels": {"dev.sealift.state": "/other/state"}}])


def test_a_network_holds_one_engine(setup: Setup, mirror: Local, podman: Podman, runner: RecordingRunner) -> None:
    runner.answer("env", "podman", "ps", output=listed("sealift-engine"))
    runner.answer("readlink", "/proc/42/ns/net", output=f"{Path('/proc/self/ns/net').readlink()}\n")
    with pytest.raises(EngineError, match="/other/state"):
        start_engine(setup, podman, mirror, {})
    assert runner.ran("env", "podman", "rm") == []


def test_an_engine_on_another_network_is_let_be(
    setup: Setup, mirror: Local, podman: Podman, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.answer("env", "podman", "ps", output=listed("sealift-engine"))
    runner.answer("readlink", "/proc/42/ns/net", output="net:[1]\n")
    runner.answer("env", "podman", "run", output="abc123\n")
    monkeypatch.setattr(module, "listens", lambda _path: True)
    assert start_engine(setup, podman, mirror, {}) == "abc123"
    ((*_, removed),) = runner.ran("env", "podman", "rm")
    assert removed == container_name(setup) != "sealift-engine"


def test_an_engine_of_the_same_name_is_not_replaced(
    setup: Setup, mirror: Local, podman: Podman, runner: RecordingRunner
) -> None:
    runner.answer("env", "podman", "ps", output=listed(container_name(setup)))
    runner.answer("readlink", "/proc/42/ns/net", output="net:[1]\n")
    with pytest.raises(EngineError, match="/other/state"):
        start_engine(setup, podman, mirror, {})
    assert runner.ran("env", "podman", "rm") == []


def test_the_engine_in_the_usual_folder_has_the_usual_name(setup: Setup) -> None:
    usual = replace(setup, paths=find_paths({}))
    assert container_name(usual) == "sealift-engine"


def test_a_socket_with_too_long_a_name(setup: Setup) -> None:
    deep = replace(setup, paths=Paths(cache=setup.paths.cache, state=Path("/" + "x" * 120)))
    with pytest.raises(EngineError, match="too long"):
        engine_address(deep)


def test_who_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not listens(Path("sock"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
        server.listen()
        assert listens(Path("sock"))
    assert not listens(Path("sock"))


def test_a_container_that_is_gone_is_not_stopped(podman: Podman, runner: RecordingRunner) -> None:
    assert stop_engine(podman, "abc123")
    assert runner.ran("env", "podman", "rm") == [["env", "podman", "rm", "--force", "--time", "60", "abc123"]]
    runner.answers.clear()
    runner.answer("env", "podman", "container", "exists", status=1)
    assert not stop_engine(podman, "abc123")


def test_a_container_that_ends_while_it_is_killed_is_removed_the_second_time(
    podman: Podman, runner: RecordingRunner
) -> None:
    runner.answer("env", "podman", "rm", "--force", "--time", "60", status=1)
    assert stop_engine(podman, "abc123")
    assert [command[-1] for command in runner.ran("env", "podman", "rm")] == ["abc123", "abc123"]


def test_an_engine_is_busy_while_somebody_is_connected(tmp_path: Path) -> None:
    header = "Num       RefCount Protocol Flags    Type St Inode Path\n"
    listening = "0000000000000000: 00000002 00000000 00010000 0001 01 748876 /run/dagger/engine.sock\n"
    connected = "0000000000000000: 00000003 00000000 00000000 0001 03 748877 /run/dagger/engine.sock\n"
    unnamed = "0000000000000000: 00000003 00000000 00000000 0001 03 748878\n"
    table = tmp_path / "unix"
    table.write_text(header + listening + unnamed)
    assert not busy(table)
    table.write_text(header + listening + connected)
    assert busy(table)
    assert not busy(tmp_path / "missing")
