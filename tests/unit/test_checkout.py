from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipelines.checkout import checked_out
from pipelines.errors import ConfigError
from pipelines.git import last_change, read_facts

if TYPE_CHECKING:
    from tests.unit.conftest import Git


def everything(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*")}


def test_the_files_the_tags_and_the_history_of_a_commit(git: Git) -> None:
    run = git.write("services/one/run", "x")
    run.chmod(0o755)
    wanted = git.commit("second", **{"services__one__file": "2\n"})
    git("tag", "v1.0.0")
    git("tag", "-a", "-m", "annotated", "v1.0.0-again")
    git.commit("third", **{"services__one__file": "3\n", "later": "x"})
    before = everything(git.root)
    with checked_out(git.root, wanted) as folder:
        assert (folder / "services/one/file").read_text() == "2\n"
        assert os.access(folder / "services/one/run", os.X_OK)
        assert not (folder / "later").exists()
        facts = read_facts(folder, environ={})
        assert (facts.commit, facts.tags, facts.branch) == (wanted, ("v1.0.0", "v1.0.0-again"), None)
        assert not facts.dirty
        changed = last_change(folder, (PurePosixPath("services/one"),))
        assert changed is not None
        assert changed.commit == wanted
    assert not folder.exists()
    assert everything(git.root) == before, "something was left in the repository"


def test_it_is_gone_after_an_interrupt_too(git: Git) -> None:
    with pytest.raises(KeyboardInterrupt), checked_out(git.root, git("rev-parse", "HEAD")) as folder:
        raise KeyboardInterrupt
    assert not folder.exists()


def test_a_commit_that_this_clone_does_not_have(git: Git) -> None:
    with pytest.raises(ConfigError, match="does not have the commit 000000000000"), checked_out(git.root, "0" * 40):
        pass


def test_the_edge_of_a_shallow_clone_stays_known(git: Git, tmp_path: Path) -> None:
    git.commit("second")
    git("clone", "--quiet", "--depth=1", f"file://{git.root}", str(tmp_path / "clone"))
    commit = git("rev-parse", "HEAD")
    with checked_out(tmp_path / "clone", commit) as folder:
        assert read_facts(folder, environ={}).shallow == {commit}


def test_a_linked_work_tree_will_do(git: Git, tmp_path: Path) -> None:
    commit = git("rev-parse", "HEAD")
    git("worktree", "add", "--detach", str(tmp_path / "linked"))
    with checked_out(tmp_path / "linked", commit) as folder:
        assert (folder / "a.txt").read_text() == "a\n"
