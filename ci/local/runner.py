"""Runs other programs, with a sign of life for those that take long. Tests pass a recording one instead."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol

from pipelines.errors import EngineError

Report = Callable[[str], None]

HEARTBEAT = 15.0
"""Seconds between two signs of life."""

TAIL = 4000
"""Bytes of a failed program's output that an error quotes."""


@dataclass(frozen=True)
class Completed:
    """How a program ended. `status` is its exit code; 127 if it does not exist, 124 if it took too long."""

    status: int
    output: str = ""
    errors: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 0


class Runner(Protocol):
    """What the set-up needs from the operating system."""

    def which(self, name: str) -> Path | None:
        """The program of that name on PATH."""

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        timeout: float = 60,
    ) -> Completed:
        """Run a short program and return how it ended; never raises because of the program."""

    def watch(
        self,
        arguments: Sequence[str | Path],
        *,
        title: str,
        report: Report,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Run a long program, report every 15 s that it lives; EngineError with its last lines if it fails."""

    def spawn(self, arguments: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> int:
        """Start a program that outlives us, in a session of its own; returns its process id."""


class SystemRunner:
    """The real one. `environment` is what programs get unless a call says otherwise."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)

    def which(self, name: str) -> Path | None:
        found = shutil.which(name, path=self.environment.get("PATH"))
        return Path(found) if found else None

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        timeout: float = 60,
    ) -> Completed:
        try:
            done = subprocess.run(
                [str(argument) for argument in arguments],
                env=dict(environment or self.environment),
                cwd=folder,
                timeout=timeout,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            return Completed(127, errors=str(error))
        except subprocess.TimeoutExpired:
            return Completed(124, errors=f"no answer within {timeout:.0f} s")
        return Completed(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def watch(
        self,
        arguments: Sequence[str | Path],
        *,
        title: str,
        report: Report,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        started = time.monotonic()
        report(f"{title} …")
        with TemporaryFile() as output:
            try:
                process = subprocess.Popen(
                    [str(argument) for argument in arguments],
                    env=dict(environment or self.environment),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise EngineError(f"{title}: {error}", remedy="run `sealift doctor`") from error
            status = _wait(process, title, report, started)
            if status != 0:
                raise EngineError(
                    f"{title}: {Path(arguments[0]).name} ended with exit code {status}\n{_tail(output)}",
                    remedy="read its last lines above; `sealift doctor` checks what this machine lacks",
                )
        report(f"{title}: done in {time.monotonic() - started:.0f} s")

    def spawn(self, arguments: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> int:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(argument) for argument in arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return process.pid


def _wait(process: subprocess.Popen[bytes], title: str, report: Report, started: float) -> int:
    try:
        while True:
            try:
                return process.wait(timeout=HEARTBEAT)
            except subprocess.TimeoutExpired:
                report(f"{title}: {time.monotonic() - started:.0f} s so far")
    except BaseException:
        process.terminate()
        process.wait(timeout=30)
        raise


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, 2)
    output.seek(max(0, size - TAIL))
    return output.read().decode(errors="replace").strip()
