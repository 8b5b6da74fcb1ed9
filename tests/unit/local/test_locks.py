from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from ci.local.locks import built, locked


def test_the_second_waits_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    path.parent.mkdir()
    holder = path.open("a")
    fcntl.flock(holder, fcntl.LOCK_EX)
    said: list[str] = []
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.close()

    with locked(path, said.append, pause):
        pass
    assert len(pauses) == 3
    assert len(said) == 1
    assert "another set-up is at work" in said[0]


def test_the_lock_is_free_afterwards(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with locked(tmp_path / "lock", said.append):
            pass
    assert said == []


def test_what_is_built_is_built_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def build(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("x")

    for _ in range(2):
        assert (built(tmp_path / "a" / "thing", build) / "file").read_text() == "x"
    assert len(calls) == 1


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        built(tmp_path / "thing", build)
    assert list(tmp_path.iterdir()) == []


def test_another_process_that_was_faster_wins(tmp_path: Path) -> None:
    target = tmp_path / "thing"

    def build(folder: Path) -> None:
        (folder / "file").write_text("slow")
        target.mkdir()
        (target / "file").write_text("fast")

    assert (built(target, build) / "file").read_text() == "fast"
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]
