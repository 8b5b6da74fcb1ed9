"""Something else where a file, a repository or a home should be, through the real command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.bad_input import accepted, problems, refused
from tests.faults.command import Bare

PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda _path: None,
        "sealift.yaml: there is no such file; run at the repository's root, or name it with",
    ),
    "a-folder": (Path.mkdir, "sealift.yaml: is not a file"),
    "a-pipe": (os.mkfifo, "sealift.yaml: is not a file"),
    # Root may read every file; this one it may not.
    "unreadable": (lambda path: path.symlink_to("/proc/1/mem"), "sealift.yaml: cannot be read: "),
    "a-link-to-itself": (lambda path: path.symlink_to(path.name), "sealift.yaml: cannot be read: Too many levels of"),
}


@pytest.mark.parametrize(("put", "expected"), PLACES.values(), ids=PLACES)
def test_something_else_in_place_of_the_file(bare: Bare, put: Callable[[Path], object], expected: str) -> None:
    file = bare.root / "sealift.yaml"
    file.unlink()
    put(file)
    (found,) = problems(bare)
    assert found.startswith(expected)


def test_no_repository(bare: Bare) -> None:
    (bare.root / ".git").rename(bare.root.parent / "elsewhere")
    assert refused(bare.sealift("build-all")) == [
        "error: git: repository is not the root of a git repository",
        "  remedy: run Sealift at the root of a git repository with at least one commit",
    ]


def test_a_repository_without_a_commit(bare: Bare) -> None:
    (bare.root / ".git/refs/heads/main").unlink()
    assert refused(bare.sealift("build-all")) == [
        "error: git: the repository has no commit",
        "  remedy: commit something first",
    ]
    bare.commit()
    accepted(bare)


@pytest.mark.parametrize("name", ["SEALIFT_STATE_DIR", "SEALIFT_CACHE_DIR", "SEALIFT_KEYS_DIR"])
@pytest.mark.parametrize("place", ["/proc/sealift", "/dev/null/sealift"])
def test_doctor_finds_a_folder_that_cannot_be_written(bare: Bare, name: str, place: str) -> None:
    bare.env[name] = place
    done = bare.sealift("doctor")
    assert done.code == 1
    assert f"✗ cannot be written: {place}" in " ".join(done.out.split())
    assert f"or set {name}" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("HOME", "/proc/nobody", "SEALIFT_STATE_DIR: /proc/nobody/.local/state/sealift: No such file or directory"),
        ("XDG_STATE_HOME", "/proc", "SEALIFT_STATE_DIR: /proc/sealift: No such file or directory"),
        ("XDG_STATE_HOME", "/dev/null", "SEALIFT_STATE_DIR: /dev/null/sealift: Not a directory"),
        ("SEALIFT_STATE_DIR", "/dev/null", "SEALIFT_STATE_DIR: /dev/null: Not a directory"),
    ],
)
@pytest.mark.parametrize("command", ["build-all", "up", "down"])
def test_a_home_that_cannot_be_written(bare: Bare, command: str, name: str, value: str, what: str) -> None:
    bare.env[name] = value
    lines = refused(bare.sealift(command))
    assert lines[0] == "error: folders: nothing can be written into"
    assert f"  {what}" in lines
    if name == "HOME":
        assert [line.split(":")[0].strip() for line in lines[1:-1]] == [
            "SEALIFT_STATE_DIR", "SEALIFT_CACHE_DIR", "SEALIFT_KEYS_DIR"
        ]  # fmt: skip
    bare.env |= {name: str(bare.root.parent / "new")}
    accepted(bare)


def test_a_home_that_is_below_a_file(bare: Bare) -> None:
    """Here git's own settings cannot be looked for either."""
    bare.env["HOME"] = str(bare.root / "sealift.yaml")
    lines = refused(bare.sealift("build-all"))
    assert lines[0].startswith("error: git: git's status cannot be told: ")
    assert lines[0].endswith("sealift.yaml/.gitconfig: Not a directory")
