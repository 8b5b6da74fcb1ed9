from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local import registry as module
from ci.local.processes import Process
from ci.local.registry import Local, answers, check_port, port_holder, start_registry
from ci.local.setup import Setup
from pipelines.errors import RegistryError

if TYPE_CHECKING:
    from conftest import RecordingRunner


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which something listens that is no registry."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def built(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """The registry's program is built already."""
    monkeypatch.setattr(module, "tool_folder", lambda _setup, _tool: Path("/tools"))
    return setup


def local(port: int, setup: Setup) -> Local:
    return Local("registry", port, setup.paths.state / "blobs", "SEALIFT_REGISTRY_PORT")


def test_a_port_that_is_taken_names_its_holder(built: Setup, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "answers", partial(answers, timeout=0.1))
    with pytest.raises(RegistryError) as caught:
        start_registry(built, local(taken, built))
    assert "process" in str(caught.value)
    assert "SEALIFT_REGISTRY_PORT" in caught.value.remedy


def test_another_registry_is_called_one(setup: Setup, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "answers", lambda _port: True)
    with pytest.raises(RegistryError, match="another registry"):
        check_port(local(taken, setup))


def test_the_registry_listens_on_the_loopback_and_can_delete(
    built: Setup, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "port_holder", lambda _port: None)
    monkeypatch.setattr(module, "identify", lambda pid: Process(pid, "1"))
    monkeypatch.setattr(module, "answers", lambda _port: True)
    process = start_registry(built, local(5999, built))
    assert process.started == "1"
    program, verb, config = runner.commands[-1]
    assert (program, verb) == ("/tools/registry", "serve")
    content = json.loads(Path(config).read_text())
    assert content["http"]["addr"] == "127.0.0.1:5999"
    assert content["storage"]["delete"] == {"enabled": True}
    assert content["storage"]["filesystem"] == {"rootdirectory": str(built.paths.state / "blobs")}


def test_a_registry_that_dies_is_quoted(built: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "port_holder", lambda _port: None)
    monkeypatch.setattr(module, "identify", lambda _pid: None)
    log = built.paths.state / "registry" / "log.txt"
    log.parent.mkdir()
    log.write_text("first\npermission denied\n")
    with pytest.raises(RegistryError, match="permission denied"):
        start_registry(built, local(5999, built))


def test_nothing_answers_where_nothing_listens(taken: int) -> None:
    assert not answers(taken, timeout=0.1)


def test_the_holder_is_found_in_proc(tmp_path: Path) -> None:
    header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = "   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(header + row)
    assert port_holder(5001, tmp_path) is None
    assert port_holder(5000, tmp_path) == "another process"
    (tmp_path / "12" / "fd").mkdir(parents=True)
    (tmp_path / "12" / "comm").write_text("nginx\n")
    (tmp_path / "12" / "fd" / "3").symlink_to("socket:[4711]")
    assert port_holder(5000, tmp_path) == "nginx (process 12)"
