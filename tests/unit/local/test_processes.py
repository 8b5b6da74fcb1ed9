from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ci.local.processes import Process, alive, end, identify

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_a_process_is_known_by_id_and_start(child: subprocess.Popen[bytes]) -> None:
    process = identify(child.pid)
    assert process is not None
    assert alive(process)
    assert not alive(replace(process, started="1")), "a later process with the same id is not ours"


def test_only_our_process_is_ended(child: subprocess.Popen[bytes]) -> None:
    process = identify(child.pid)
    assert process is not None
    assert not end(replace(process, started="1"))
    assert child.poll() is None
    assert end(process)
    assert child.wait() != 0
    assert not end(process)


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    fields = ["S"] + ["0"] * 18 + ["99"] + ["0"] * 5
    (tmp_path / "7" / "stat").write_text(f"7 (a name) with ) in it) {' '.join(fields)}")
    process = identify(7, tmp_path)
    assert process == Process(7, "99")
    signals: list[int] = []

    def kill(_pid: int, sign: int) -> None:
        signals.append(sign)

    assert end(process, kill=kill, pause=lambda _: None, proc=tmp_path)
    assert signals == [15, 9]


@pytest.mark.parametrize(("threads", "expected"), [("1", None), ("4", Process(7, "99"))])
def test_remains_of_a_process_count_while_threads_of_it_run(
    tmp_path: Path, threads: str, expected: Process | None
) -> None:
    (tmp_path / "7").mkdir()
    fields = ["Z"] + ["0"] * 16 + [threads, "0", "99"] + ["0"] * 5
    (tmp_path / "7" / "stat").write_text(f"7 (x) {' '.join(fields)}")
    assert identify(7, tmp_path) == expected
    assert identify(8, tmp_path) is None
