"""Repositories that are released on a machine of its own, and accidents that strike when a stage begins."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.faults.fork import started
from tests.faults.machine import Machine
from tests.faults.programs import eventually, programs
from tests.scratch import REGISTRY, SEALIFT, Registry, Scratch, run

DATABASE = f"{REGISTRY}/advisories/trivy-db:2"
"""The advisory database, in the machine's registry: the machine cannot make the sample."""


class Stage(NamedTuple):
    """A stage as its line says that it begins: its name, and what it is at work on."""

    name: str
    unit: str


_UNIT = "web linux/amd64"
STAGES = {
    "key": Stage("key", ""),
    "registry": Stage("registry", ""),
    "database": Stage("database", ""),
    "build": Stage("build", _UNIT),
    "boot": Stage("boot", _UNIT),
    "sbom": Stage("sbom", _UNIT),
    "scan": Stage("scan", _UNIT),
    "index": Stage("index", "web"),
    "tags-before": Stage("tags before", "web"),
    "verify": Stage("verify", ""),
    "sign": Stage("sign", "web"),
    "attest": Stage("attest", _UNIT),
    "copy": Stage("copy", "web"),
    "verify-at-target": Stage("verify", REGISTRY),
    "record": Stage("record", ""),
    "tag": Stage("tag", "web"),
}
"""Every stage of a release of one service, in their order."""

MARK = "SEALIFT_TEST_RELEASE"
"""A variable by which the processes of one release are known, whoever their parent is by then."""


def begun(line: str) -> Stage | None:
    """The stage whose beginning a line of the log tells: `[   1.5s] … build            web linux/amd64`."""
    return _stage(line, "…")


def failed_in(line: str) -> Stage | None:
    """The stage that the line says did not end well."""
    return _stage(line, "✗")


def _stage(line: str, sign: str) -> Stage | None:
    _, mark, rest = line.partition(f"] {sign} ")
    return Stage(rest[:16].strip(), rest[16:50].strip()) if mark else None


@dataclass
class MachineRegistry(Registry):
    """The machine's registry."""

    machine: Machine

    def regctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.machine.run("regctl", f"--host=reg={REGISTRY},tls=disabled", *arguments)


class Aboard(Scratch):
    """A repository of one service whose commands run on the machine."""

    earlier = ""
    """What its public tag names at first."""

    def __init__(self, machine: Machine, root: Path, prefix: str) -> None:
        super().__init__(root=root, env=machine.env, registry=MachineRegistry(prefix, machine.env, machine))
        self.machine = machine

    def sealift(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return run(self.machine.inside(*SEALIFT, *arguments), cwd=self.root, env=self.env, timeout=timeout)

    def tag_earlier_release(self) -> None:
        """Let the public tag name something that is there, as after an earlier release."""
        done = self.registry.regctl("image", "copy", DATABASE, f"{REGISTRY}/{self.registry.prefix}web:dev")
        assert done.returncode == 0, done.stderr
        self.earlier = self.registry.digest("web", "dev") or ""
        assert self.earlier

    def change(self, text: str) -> None:
        """Change one file, so that everything has to be done for it, and commit that."""
        file = self.root / "services/web/server.py"
        file.write_text(f"{file.read_text()}# {text}\n")
        self.commit()


@dataclass(frozen=True)
class Struck:
    """How a release ended that was struck.

    :param reached: whether the stage had begun when it was struck.
    :param code: as subprocess has it: negative is the signal that ended the process.
    :param left: its processes that did not end with it.
    """

    reached: bool
    code: int
    said: str
    left: list[str]


class Release:
    """A running `sealift build-all`, with what it says on standard error and output."""

    def __init__(self, repository: Aboard, *arguments: str) -> None:
        self._mark = secrets.token_hex(8)
        self._said: list[str] = []
        env = {**os.environ, **repository.env, MARK: self._mark}
        self._process, self._output = started(
            ("build-all", *arguments), root=repository.root, env=env, network=repository.machine.network
        )

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def until(self, stage: Stage) -> bool:
        """Read what it says until the stage begins; whether it did."""
        for line in self._output:
            self._said.append(line)
            if begun(line) == stage:
                return True
        return False

    def pause(self) -> None:
        """Stop it where it is, without its knowing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """To the process and those it started, as a terminal's Ctrl-C; any other, as a supervisor's, to it alone."""
        if number == signal.SIGINT:
            os.killpg(self.pid, number)
        else:
            os.kill(self.pid, number)

    def end(self, *, reached: bool) -> Struck:
        """Wait for its end, and for that of the processes that it started."""
        with self._output:
            self._said += self._output
        self._process.join(timeout=60)
        assert self._process.exitcode is not None, "the command did not end"
        eventually(lambda: not self._left())
        return Struck(reached, self._process.exitcode, "".join(self._said), self._left())

    def _left(self) -> list[str]:
        return [program.command for program in programs() if program.started_with(MARK, self._mark)]
