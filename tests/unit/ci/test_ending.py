"""Every way in which a command ends, with its exit code; and that a signal after its end changes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from ci import ending
from ci.interrupt import Interrupted
from ci.run import NothingToDo
from pipelines.errors import RegistryError

INTERRUPTED = "interrupted: nothing more is running; no tag moves after this\n"


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """The test run's own handler is as it was."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        (None, 0, ""),
        (SystemExit(4), 4, ""),
        (click.exceptions.Exit(0), 0, ""),
        (NothingToDo("no service changed"), 0, "no service changed\nNothing to do.\n"),
        (RegistryError("it is away", remedy="wait"), 5, "error: it is away\n  remedy: wait\n"),
        (click.UsageError("no such thing"), 2, "Usage: "),
        (KeyboardInterrupt(), 130, INTERRUPTED),
        (click.Abort(), 130, INTERRUPTED),
        (Interrupted(signal.SIGINT), 130, INTERRUPTED),
        (Interrupted(signal.SIGTERM), 143, INTERRUPTED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: BaseException | None,
    code: int,
    said: str,
) -> None:
    @click.command()
    def sealift() -> None:
        if end is not None:
            raise end

    monkeypatch.setattr(sys, "argv", ["sealift"])
    with pytest.raises(SystemExit) as caught:
        ending.run(sealift)
    assert caught.value.code == code
    err = capsys.readouterr().err.lstrip("\n")
    assert err.startswith(said) if said else err == ""


def test_a_signal_after_the_end_changes_nothing() -> None:
    program = """\
import atexit, os, signal, sys, time
import click
from ci import ending

@click.command()
def sealift():
    atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(0.2)))
    print("published")

sys.argv = ["sealift"]
ending.run(sealift)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "published\n", "")
