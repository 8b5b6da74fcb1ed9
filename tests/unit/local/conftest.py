"""A machine that does nothing but write down what it was asked to do."""

# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ci.local.paths import Paths
from ci.local.runner import Completed, Report
from ci.local.setup import Setup
from pipelines.errors import EngineError

Answer = Callable[[list[str]], Completed | None]


@dataclass
class RecordingRunner:
    """Runs nothing. `answers` are asked in turn for an outcome; the first that has one gives it, else all is well.

    :param programs: what is on PATH.
    """

    programs: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)

    def answer(self, *prefix: str, status: int = 0, output: str = "", errors: str = "") -> None:
        """Let commands that begin so end so."""

        def match(command: list[str]) -> Completed | None:
            return Completed(status, output, errors) if command[: len(prefix)] == list(prefix) else None

        self.answers.append(match)

    def which(self, name: str) -> Path | None:
        return Path("/usr/bin") / name if name in self.programs else None

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        timeout: float = 60,
    ) -> Completed:
        command = [str(argument) for argument in arguments]
        self.commands.append(command)
        self.environments.append(environment or {})
        found = (outcome for answer in self.answers if (outcome := answer(command)) is not None)
        return next(found, Completed(0))

    def watch(
        self,
        arguments: Sequence[str | Path],
        *,
        title: str,
        report: Report,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        report(title)
        done = self.run(arguments, environment=environment, folder=folder)
        if not done.ok:
            raise EngineError(f"{title}: {done.errors}", remedy="none, this is a test")

    def spawn(self, arguments: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> int:
        self.commands.append([str(argument) for argument in arguments])
        return 2**22 + 1

    def ran(self, *prefix: str) -> list[list[str]]:
        """The commands that began so."""
        return [command for command in self.commands if command[: len(prefix)] == list(prefix)]


@pytest.fixture
def runner() -> RecordingRunner:
    return RecordingRunner()


@pytest.fixture
def said() -> list[str]:
    """What was reported."""
    return []


@pytest.fixture
def setup(tmp_path: Path, runner: RecordingRunner, said: list[str]) -> Setup:
    paths = Paths(cache=tmp_path / "cache", state=tmp_path / "state")
    paths.cache.mkdir()
    paths.state.mkdir()
    return Setup(
        paths=paths, environment={"PATH": "/bin"}, runner=runner, report=said.append, root=True, machine="amd64"
    )


@pytest.fixture
def user(setup: Setup) -> Setup:
    """The same machine, for somebody who is not root."""
    return replace(setup, root=False)
