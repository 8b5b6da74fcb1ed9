"""What is sent of a repository, and how much that is. That the engine reads the patterns so: tests/faults."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipelines.context_size import oversize
from pipelines.contexts import NEVER_SENT, Context, ignored_in, sent

if TYPE_CHECKING:
    from tests.unit.conftest import Git


def context(folder: str, dockerfile: str = "Dockerfile") -> Context:
    return Context(folder=PurePosixPath(folder), dockerfile=PurePosixPath(dockerfile))


def write(path: Path, text: str = "x", size: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if size is not None:
        with path.open("r+b") as file:
            file.truncate(size)


def test_patterns_are_cleaned_as_buildkit_does(tmp_path: Path) -> None:
    write(tmp_path / ".dockerignore", "\ufeff# a comment\n\n /big.bin \n./a//b/\n! keep\n.\n!\n # is a pattern\n**/x\n")
    assert ignored_in(tmp_path, PurePosixPath(".dockerignore")) == ["big.bin", "a/b", "!keep", "# is a pattern", "**/x"]
    assert ignored_in(tmp_path, None) == []


def test_the_contexts_are_sent_without_what_they_ignore(tmp_path: Path) -> None:
    write(tmp_path / "web/.dockerignore", "*\n!src\n")
    needed = sent(tmp_path, [context("web"), context("api"), context("web", "debug.Dockerfile")])
    assert needed.include == ("api", "web")
    assert needed.exclude == (
        *NEVER_SENT, "web/*", "!web/src", "!web/.dockerignore", "!web/Dockerfile", "!web/debug.Dockerfile"
    )  # fmt: skip


def test_a_context_that_is_the_repository_is_all_of_it(tmp_path: Path) -> None:
    write(tmp_path / ".dockerignore", "docs\n")
    alone = sent(tmp_path, [context(".")])
    assert alone.include == ()
    assert alone.exclude == (*NEVER_SENT, "docs", "!.dockerignore", "!Dockerfile")
    # What this one leaves out is the other one's input.
    assert sent(tmp_path, [context("."), context("docs")]).exclude == NEVER_SENT


def test_a_context_of_two_minds_is_sent_whole(tmp_path: Path) -> None:
    write(tmp_path / "web/.dockerignore", "a\n")
    write(tmp_path / "web/debug.Dockerfile.dockerignore", "b\n")
    both = [context("web"), context("web", "debug.Dockerfile")]
    assert sent(tmp_path, both).exclude == NEVER_SENT
    assert sent(tmp_path, both[1:]).exclude[3:] == (
        "web/b", "!web/debug.Dockerfile.dockerignore", "!web/debug.Dockerfile"
    )  # fmt: skip
    # The engine takes an empty one for none.
    write(tmp_path / "web/debug.Dockerfile.dockerignore", "")
    assert "web/a" in sent(tmp_path, both).exclude


@pytest.fixture
def large(empty_git: Git) -> Path:
    """A context of 3 MB in three places, and 6 bytes more."""
    for name in ("big.bin", "data/more.bin", "data/deep/most.bin"):
        write(empty_git.root / "web" / name, size=1_000_000)
    write(empty_git.root / "web/Dockerfile", "FROM x")
    return empty_git.root


def test_a_context_within_its_budget(large: Path) -> None:
    assert oversize(large, context("web"), 3_000_006) is None


def test_a_context_over_its_budget_names_the_largest(large: Path) -> None:
    write(large / "web/large.bin", size=1_500_000_000)
    said = oversize(large, context("web"), 3_000_005)
    assert said is not None
    assert said.startswith("'web' is 1.5 GB in 5 files, over its budget of 3.0 MB; the largest: large.bin (1.5 GB), ")
    assert said.endswith("list in web/.dockerignore what the image does not need, or raise context_budget")


@pytest.mark.parametrize(
    ("file", "text", "ignored"),
    [
        ("web/.dockerignore", "big.bin\n", True),
        ("web/.dockerignore", "/data\n", True),
        ("web/.dockerignore", "**/deep\n", True),
        ("web/.dockerignore", "*\n!data/deep/most.bin\n", True),
        ("web/.dockerignore", "other\n", False),
        ("web/.dockerignore", "*\n!*.bin\n!data\n", False),
        ("web/Dockerfile.dockerignore", "data\n", True),
        (".gitignore", "deep/\n", True),
        ("web/.gitignore", "big.bin\n", True),
        ("web/.gitignore", "/most.bin\n", False),
    ],
)
def test_what_is_ignored_does_not_count(large: Path, file: str, text: str, ignored: bool) -> None:
    write(large / file, text)
    assert (oversize(large, context("web"), 2_500_000) is None) == ignored


def test_links_and_what_is_never_sent_do_not_count(large: Path) -> None:
    write(large / ".venv/lib.bin", size=9_000_000)
    write(large / ".env", "A=" + "x" * 5000)
    (large / "elsewhere").symlink_to("/usr")
    (large / "link.bin").symlink_to("web/big.bin")
    assert oversize(large, context("."), 3_000_006) is None
