"""How a run must end: refused in order, with nothing left; or published, with no cleaning before."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.faults.relay import Relay
from tests.scratch import Scratch

_PATIENCE = 60


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
    """No process of the test's commands runs any more; all of them had the test's folder in their environment."""
    assert _gone(lambda: not _processes(scratch.env["SEALIFT_KEYS_DIR"])), _processes(scratch.env["SEALIFT_KEYS_DIR"])


def let_go(server: Relay) -> None:
    """The engine holds no connection to the relay any more: the way to it, a service of the run, is closed."""
    assert _gone(lambda: server.open == 0), f"{server.open} connection(s) are still open"


def _gone(done: object) -> bool:
    assert callable(done)
    for _ in range(_PATIENCE * 10):
        if done():
            return True
        time.sleep(0.1)
    return False


def _processes(token: str) -> list[str]:
    """The command lines of processes whose environment names the token."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.name != str(os.getpid()) and token.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found
