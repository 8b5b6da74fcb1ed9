"""sealift.lock read: what it may say, and that what it may not say is told with its line, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from pipelines import tools
from pipelines.config import InvalidConfig
from pipelines.config.bases import ToolName
from pipelines.config.lock import read_lock
from pipelines.lock import Lock

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
EVIL = "sha256:425cd3e1a2846ac73944e891250377d2b03653e6f028833e30fc00c1abbc6d33"
GOOD = f"""\
version: 1
project: shop
bases:
  docker.io/library/python:3.11:
    index: {A}
    platforms:
      linux/amd64: {B}
tools:
  trivy:
    image: ghcr.io/aquasecurity/trivy:0.69.3
    index: {A}
    platforms: {{linux/amd64: {B}}}
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Lock | None]:
    def of(text: str) -> Lock | None:
        (tmp_path / "sealift.lock").write_text(text, encoding="utf-8")
        return read_lock(tmp_path, "shop")

    return of


@pytest.fixture
def problems_in(read: Callable[[str], Lock | None]) -> Callable[[str], list[str]]:
    def of(text: str) -> list[str]:
        with pytest.raises(InvalidConfig) as caught:
            read(text)
        assert "'sealift lock' makes it anew" in caught.value.remedy
        return [str(problem) for problem in caught.value.problems]

    return of


def test_there_need_be_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path, "shop") is None


def test_a_link_to_nothing_is_no_missing_lock(tmp_path: Path) -> None:
    (tmp_path / "sealift.lock").symlink_to("nowhere")
    with pytest.raises(InvalidConfig, match="there is no such file"):
        read_lock(tmp_path, "shop")


def test_every_tool_has_its_place() -> None:
    assert set(get_args(ToolName)) == {tool.name for tool in tools.ALL}


def test_what_is_written_is_read(read: Callable[[str], Lock | None]) -> None:
    lock = read(GOOD)
    assert lock is not None
    assert lock.bases["docker.io/library/python:3.11"].line == 4
    assert lock.tools["trivy"].reference == f"ghcr.io/aquasecurity/trivy:0.69.3@{A}"
    assert read(lock.text()) == lock


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("version: 1", "version: 2", "1:10 version: expected 1, found the number 2"),
        ("project: shop", "project: mall", "2:10 project: it is the lock of 'mall', and this project is 'shop'"),
        ("bases:", "base:", "3:1 base: unknown key; did you mean 'bases'? allowed: bases, project, tools, version"),
        ("  trivy:", "  trivvy:", "9:3 tools.trivvy: the key must be "),
        (
            "    index: " + A + "\n    platforms:\n",
            "    platforms:\n",
            "4:3 bases['docker.io/library/python:3.11'].index",
        ),
        (A, A[:-1], "5:12 bases['docker.io/library/python:3.11'].index: 'sha256:aaaaaaa"),
        (B, B.upper(), "7:20 bases['docker.io/library/python:3.11'].platforms['linux/amd64']: 'SHA256:BBBB"),
        (
            "linux/amd64",
            "amd64",
            "7:7 bases['docker.io/library/python:3.11'].platforms.amd64: 'amd64' is not a platform",
        ),
        (
            "python:3.11:",
            "python:",
            "4:3 bases['docker.io/library/python']: 'docker.io/library/python' is not in full; expected",
        ),
        (
            "docker.io/library/python",
            "python",
            "4:3 bases['python:3.11']: 'python:3.11' is not in full; expected 'docker.io/library/python:3.11'",
        ),
        ("python:3.11:", f"python:3.11@{A}:", "4:3 bases"),
        ("trivy:0.69.3", "trivy:0.69.4", "10:5 tools.trivy: Trivy 0.69.4 is malicious"),
        (
            f"index: {A}\n    platforms: {{",
            f"index: {EVIL}\n    platforms: {{",
            f"11:12 tools.trivy.index: {EVIL} is a malicious",
        ),
        (
            f"linux/amd64: {B}}}",
            f"linux/amd64: {EVIL}}}",
            f"12:30 tools.trivy.platforms['linux/amd64']: {EVIL} is a mal",
        ),
        (
            "bases:\n",
            "bases:\n  docker.io/library/python:3.11: {}\n",
            "5:3 bases['docker.io/library/python:3.11']: declared twice",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    problems_in: Callable[[str], list[str]], old: str, new: str, problem: str
) -> None:
    found = problems_in(GOOD.replace(old, new, 1))
    assert any(line.startswith(f"sealift.lock:{problem}") for line in found), found


@pytest.mark.parametrize("length", range(0, len(GOOD) - 1, 7))
def test_a_truncated_file_is_never_a_lock(problems_in: Callable[[str], list[str]], length: int) -> None:
    assert problems_in(GOOD[:length])


@pytest.mark.parametrize("text", ["", "[]", "nothing", "version: 1\nversion: 1\n", "\tx", "a: &a [*a]"])
def test_what_is_no_lock(problems_in: Callable[[str], list[str]], text: str) -> None:
    assert problems_in(text)


def test_all_problems_at_once(problems_in: Callable[[str], list[str]]) -> None:
    text = GOOD.replace("version: 1", "version: 3").replace(A, "sha256:1").replace("trivy:0.69.3", "trivy")
    assert [problem.split(":")[1] for problem in problems_in(text)] == ["1", "5", "10", "11"]
