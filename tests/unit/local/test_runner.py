from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ci.local import runner as module
from ci.local.runner import SystemRunner
from pipelines.errors import EngineError

PYTHON = sys.executable


def system() -> SystemRunner:
    return SystemRunner({"PATH": "/usr/bin:/bin"})


def test_a_short_program_returns_what_it_printed() -> None:
    done = system().run([PYTHON, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"])
    assert (done.status, done.output, done.errors, done.ok) == (3, "out\n", "err\n", False)


def test_a_missing_program_and_a_slow_one_are_outcomes() -> None:
    assert system().run(["/nowhere/at-all"]).status == 127
    slow = system().run([PYTHON, "-c", "import time; time.sleep(9)"], timeout=0.2)
    assert slow.status == 124
    assert "no answer" in slow.errors


def test_a_long_program_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.05)
    said: list[str] = []
    system().watch([PYTHON, "-c", "import time; time.sleep(0.4)"], title="sleeping", report=said.append)
    assert said[0] == "sleeping …"
    assert any("so far" in line for line in said)
    assert said[-1].startswith("sleeping: done in")


def test_a_long_program_that_fails_is_quoted() -> None:
    code = "import sys; print('the reason'); sys.exit(5)"
    with pytest.raises(EngineError, match=r"(?s)trying.*exit code 5.*the reason"):
        system().watch([PYTHON, "-c", code], title="trying", report=lambda _: None)


def test_a_long_program_that_is_missing() -> None:
    with pytest.raises(EngineError, match="No such file"):
        system().watch(["/nowhere/at-all"], title="trying", report=lambda _: None)


def test_an_interruption_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.05)
    mark = tmp_path / "alive"

    def interrupt(line: str) -> None:
        if "so far" in line:
            raise KeyboardInterrupt

    code = f"import time; time.sleep(1); open({str(mark)!r}, 'w')"
    with pytest.raises(KeyboardInterrupt):
        system().watch([PYTHON, "-c", code], title="sleeping", report=interrupt)
    assert not mark.exists()


def test_which_looks_at_the_given_path(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert SystemRunner({"PATH": str(tmp_path)}).which("tool") == program
    assert SystemRunner({"PATH": ""}).which("tool") is None
