"""How a run must end: refused in order, with nothing left; or published, with no cleaning before."""

from __future__ import annotations

import os

from tests.faults.programs import eventually, programs
from tests.faults.relay import Relay
from tests.scratch import Scratch


def refused(scratch: Scratch, code: int, *arguments: str, command: str = "build-all") -> str:
    """The command ends with this code and a remedy, moves no tag and leaves nothing running; what it printed."""
    done = scratch.sealift(command, *arguments)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "remedy: " in said
    assert "Traceback" not in said
    for service in scratch.services:
        assert scratch.registry.tags(service) == []
    nothing_left(scratch)
    return said


def published(scratch: Scratch, *arguments: str) -> str:
    """The release succeeds as things are; what it printed."""
    done = scratch.sealift("build-all", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PUBLISHED" in done.stdout
    nothing_left(scratch)
    return done.stdout + done.stderr


def nothing_left(scratch: Scratch) -> None:
    """No process of the test's commands runs any more; all had the test's folder of keys in their environment."""
    keys = scratch.env["SEALIFT_KEYS_DIR"]

    def left() -> list[str]:
        return [
            program.command
            for program in programs()
            if program.pid != os.getpid() and program.started_with("SEALIFT_KEYS_DIR", keys)
        ]

    assert eventually(lambda: not left()), left()


def let_go(server: Relay) -> None:
    """The engine holds no connection to the relay any more: the way to it, a service of the run, is closed."""
    assert eventually(lambda: server.open == 0), f"{server.open} connection(s) are still open"
