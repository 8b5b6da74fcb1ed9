from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.local import assembled as module
from ci.local.assembled import assemble
from ci.local.processes import Process
from ci.local.record import Ledger
from ci.local.registry import Local
from ci.local.setup import Setup
from pipelines.errors import EngineError


class Machine:
    """One on which everything is installed; what is up can be set."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.ledger = Ledger(setup.paths.record)
        self.mirror = Local("mirror", 5055, setup.paths.cache / "mirror", "SEALIFT_MIRROR_PORT")
        self.listens = self.busy = False
        self.key = "new"
        self.started: list[str] = []

    def start(self, name: str) -> str:
        self.started.append(name)
        return name

    def up(self) -> tuple[str, ...]:
        return assemble(self.setup, self.ledger, self.mirror, self.mirror)[2]


@pytest.fixture
def machine(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    it = Machine(setup)

    def mirror(*_: object) -> Process:
        it.start("mirror")
        return Process(7, "1")

    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module, "install_packages", lambda _setup: None)
    monkeypatch.setattr(module, "enable_emulation", lambda _setup: None)
    monkeypatch.setattr(module, "cli_folder", lambda _setup: Path("/cli"))
    monkeypatch.setattr(module, "tools_folder", lambda _setup: Path("/tools"))
    monkeypatch.setattr(module, "fill_mirror", lambda *_: it.start("images"))
    monkeypatch.setattr(module, "start_registry", mirror)
    monkeypatch.setattr(module, "start_engine", lambda *_: it.start("engine"))
    monkeypatch.setattr(module, "Podman", lambda *_: None)
    monkeypatch.setattr(module, "read_kernel", lambda: None)
    monkeypatch.setattr(module, "engine_key", lambda *_: it.key)
    monkeypatch.setattr(module, "listens", lambda _path: it.listens)
    monkeypatch.setattr(module, "busy", lambda: it.busy)
    monkeypatch.setattr(module, "alive", lambda _process: True)
    monkeypatch.setattr(module, "answers", lambda _port: True)
    yield it


def test_everything_is_started_in_order(machine: Machine) -> None:
    machine.up()
    assert machine.started == ["mirror", "images", "engine"]
    assert machine.ledger.record.engine_key == "new"


def test_what_is_up_stays_up(machine: Machine) -> None:
    machine.up()
    machine.listens = True
    machine.started.clear()
    assert machine.up() == ()
    assert machine.started == ["images"], "asked of the mirror, not built"


def test_an_engine_that_is_gone_is_started_again(machine: Machine) -> None:
    machine.up()
    machine.up()
    assert machine.started.count("engine") == 2


def test_an_earlier_engine_is_replaced_when_nobody_uses_it(machine: Machine) -> None:
    machine.up()
    machine.listens = machine.busy = True
    machine.key = "newer"
    (note,) = machine.up()
    assert "in use" in note
    assert machine.started.count("engine") == 1
    assert machine.ledger.record.engine_key == "new"
    machine.busy = False
    assert machine.up() == ()
    assert machine.started.count("engine") == 2
    assert machine.ledger.record.engine_key == "newer"


def test_elsewhere_than_on_linux_a_container_tool_is_needed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "darwin")
    with pytest.raises(EngineError, match="only Linux"):
        machine.up()


def test_what_was_started_before_a_failure_is_written_down(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise EngineError("no space left", remedy="make room")

    monkeypatch.setattr(module, "fill_mirror", fail)
    with pytest.raises(EngineError):
        machine.up()
    assert "mirror" in Ledger(machine.setup.paths.record).record.processes
