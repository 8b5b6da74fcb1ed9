"""`.env` and `.env.example`."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from dulwich import porcelain

from pipelines.config import VARIABLES, InvalidConfig, environ_with_dotenv
from pipelines.config.values import parse_secret_address

EXAMPLE = Path(__file__).parents[3] / ".env.example"


def test_no_file(tmp_path: Path) -> None:
    assert environ_with_dotenv(tmp_path, {"A": "1"}) == {"A": "1"}


def test_the_real_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\nC=file\n")
    assert environ_with_dotenv(tmp_path, {"A": "real", "B": ""}) == {"A": "real", "B": "", "C": "file"}


def test_nothing_is_interpolated(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB=${A}$A\n# C=3\nexport D='x y' # comment\nE=\n")
    assert environ_with_dotenv(tmp_path, {}) == {"A": "1", "B": "${A}$A", "D": "x y", "E": ""}


def test_malformed_lines_are_named_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('A=1\n\nhunter2 is not a pair\nB="two\nlines"\n\nC\n\n\n=hunter2\nD="open\n')
    with pytest.raises(InvalidConfig) as caught:
        environ_with_dotenv(tmp_path, {})
    assert [str(problem) for problem in caught.value.problems] == [
        ".env:3: expected NAME=value or a comment",
        ".env:7 C: has no value; write NAME= for an empty one",
        ".env:10: expected NAME=value or a comment",
        ".env:11: expected NAME=value or a comment",
    ]
    assert "hunter2" not in str(caught.value)


def test_three_hundred_lines(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"# number {i}\nNAME_{i}='value {i}'\n" for i in range(150)))
    began = time.monotonic()
    assert environ_with_dotenv(tmp_path, {})["NAME_149"] == "value 149"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"A=\xff\n", ".env:1: is not UTF-8 text"), (b"#" * 1_000_001, ".env: is larger than 1 MB")],
)
def test_unreadable(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(InvalidConfig, match=message):
        environ_with_dotenv(tmp_path, {})


def test_the_example_sets_nothing_and_explains_everything(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(text)
    assert environ_with_dotenv(tmp_path, {}) == {}
    pairs = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert set(pairs) == {*VARIABLES, "SIGNING_KEY", "SIGNING_PASSWORD", "SIGNING_PUBLIC_KEY", "SIGNING_TOKEN"}
    for name in ("DOCKER_PASSWORD", "SIGNING_KEY", "SIGNING_PASSWORD", "SIGNING_PUBLIC_KEY", "SIGNING_TOKEN"):
        parse_secret_address(pairs[name])


def test_the_example_works_when_it_is_uncommented(tmp_path: Path) -> None:
    text = re.sub(r"^# ([A-Z_]+=.*)$", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / ".env").write_text(text)
    assert set(VARIABLES) < set(environ_with_dotenv(tmp_path, {}))


def test_a_file_that_is_committed_is_not_this_machines(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DOCKER_REGISTRY=registry.evil.example\n")
    repo = porcelain.init(str(tmp_path))
    assert environ_with_dotenv(tmp_path, {})["DOCKER_REGISTRY"] == "registry.evil.example"
    porcelain.add(repo, [str(tmp_path / ".env")])
    with pytest.raises(InvalidConfig) as caught:
        environ_with_dotenv(tmp_path, {})
    (problem,) = caught.value.problems
    assert str(problem) == (".env: is committed, and belongs to one machine: take it out with 'git rm --cached .env'")
