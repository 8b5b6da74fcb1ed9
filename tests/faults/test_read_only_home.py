"""A home directory on a read-only disk: root, whom no permission stops, cannot write there either."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ci.local.paths import find_paths
from tests.faults.machine import missing
from tests.faults.outcomes import nothing_left
from tests.scratch import SEALIFT, Scratch, run

MOUNTED = 'mount -t tmpfs -o ro none "$HOME" && exec "$@"'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    if why := missing():
        pytest.skip(why)
    made = tmp_path / "home"
    made.mkdir()
    return made


def release(repository: Scratch, home: Path, folders: dict[str, str]) -> CompletedProcess[str]:
    """`build-all` with that home, which is read-only for it alone; folders that are not named are below it."""
    without = ["--unset=XDG_STATE_HOME", "--unset=XDG_CACHE_HOME", "--unset=XDG_CONFIG_HOME"]
    named = [f"{name}={folders[name]}" if name in folders else f"--unset={name}" for name in VARIABLES]
    named.sort(key=lambda argument: not argument.startswith("--"))
    command = ["env", *without, *named, f"HOME={home}", "unshare", "--mount", "sh", "-c", MOUNTED, "sh", *SEALIFT]
    done = run([*command, "build-all", "--no-scan"], cwd=repository.root, env=repository.env)
    nothing_left(repository)
    return done


VARIABLES = ("SEALIFT_STATE_DIR", "SEALIFT_CACHE_DIR", "SEALIFT_KEYS_DIR")


def test_a_home_on_a_read_only_disk(scratch: Scratch, home: Path) -> None:
    scratch.service("web")
    scratch.commit()
    done = release(scratch, home, {})
    assert done.returncode == 3, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == "error: folders: nothing can be written into"
    told = [line.strip().partition(": ") for line in lines[1:-1]]
    assert [name for name, _, _ in told] == list(VARIABLES)
    assert all(text.startswith(str(home)) and text.endswith("Read-only file system") for _, _, text in told)
    assert "or name another folder with the variable that stands before it" in lines[-1]
    assert scratch.registry.tags("web") == []
    # Nothing but these folders is ever written to.
    paths = find_paths(os.environ)
    folders = (paths.state, paths.cache, scratch.env["SEALIFT_KEYS_DIR"])
    done = release(scratch, home, dict(zip(VARIABLES, map(str, folders), strict=True)))
    assert done.returncode == 0, done.stderr
    assert scratch.registry.tags("web") == ["dev"]
