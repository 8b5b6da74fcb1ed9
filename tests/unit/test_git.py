from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipelines.errors import ConfigError
from pipelines.git import GitFacts, is_tracked, last_change, read_facts

if TYPE_CHECKING:
    from tests.unit.conftest import Git

ONE, TWO = PurePosixPath("services/one"), PurePosixPath("services/two")


def facts(git: Git, **environ: str) -> GitFacts:
    return read_facts(git.root, environ=environ)


def test_a_clean_branch(git: Git) -> None:
    found = facts(git)
    assert found.commit == git("rev-parse", "HEAD")
    assert found.short == git("rev-parse", "--short=7", "HEAD")
    assert found.committed == datetime(2025, 1, 20, 14, 30, tzinfo=UTC)
    assert (found.branch, found.tags, found.pull_request, found.dirty) == ("main", (), None, frozenset())


def test_a_branch_with_a_slash(git: Git) -> None:
    git("switch", "--quiet", "--create", "feature/login")
    assert facts(git).branch == "feature/login"


def test_the_branch_on_disk_wins_over_the_variable(git: Git) -> None:
    assert facts(git, GITHUB_REF="refs/heads/other").branch == "main"


@pytest.mark.parametrize(
    ("environ", "branch", "pull_request"),
    [
        ({}, None, None),
        ({"GITHUB_REF": "refs/heads/feature/login"}, "feature/login", None),
        ({"GITHUB_REF": "refs/tags/v1.2.3"}, None, None),
        ({"GITHUB_REF": "refs/pull/123/merge", "GITHUB_HEAD_REF": "feature/login"}, "feature/login", 123),
        ({"GITHUB_REF": "refs/pull/123/merge"}, None, 123),
        ({"GITHUB_REF": "refs/pull/"}, None, None),
        ({"GITHUB_REF": "refs/pull/abc/merge"}, None, None),
        ({"GITHUB_REF": "", "GITHUB_HEAD_REF": "feature/login"}, None, None),
    ],
)
def test_a_detached_head_is_explained_by_github(
    git: Git, environ: dict[str, str], branch: str | None, pull_request: int | None
) -> None:
    git("switch", "--quiet", "--detach")
    found = facts(git, **environ)
    assert (found.branch, found.pull_request) == (branch, pull_request)
    assert found.commit == git("rev-parse", "main")


def test_tags_at_the_commit_lightweight_and_annotated(git: Git) -> None:
    git("tag", "v1.0.0")
    git("tag", "--annotate", "--message", "older", "v1.0.0-rc.1")
    git.commit("second", b="b")
    git("tag", "light")
    git("tag", "--annotate", "--message", "x", "team/v1.2.3")
    git("tag", "--annotate", "--message", "x", "of-a-tag", "team/v1.2.3")
    git("tag", "tree", "HEAD^{tree}")
    assert facts(git).tags == ("light", "of-a-tag", "team/v1.2.3")


def test_tags_are_found_when_they_are_packed(git: Git) -> None:
    git("tag", "light")
    git("tag", "--annotate", "--message", "x", "v1.2.3")
    git.commit("second", b="b")
    git("tag", "v2.0.0")
    git("pack-refs", "--all")
    assert facts(git).tags == ("v2.0.0",)
    git("checkout", "--quiet", "HEAD~1")
    assert facts(git).tags == ("light", "v1.2.3")


def test_dirty_paths_unstaged_staged_untracked_and_deleted(git: Git) -> None:
    git.commit("second", b="b", c="c")
    git.write("a.txt", "changed\n")
    git.write("b", "changed\n")
    git("add", "b")
    git("rm", "--quiet", "c")
    (git.root / "services/one/file").unlink()
    git.write("services/two/deep/new file", "new\n")
    git.write("services/one/grün", "new\n")
    assert facts(git).dirty == {
        "a.txt", "b", "c", "services/one/file", "services/two/deep/new file", "services/one/grün",
    }  # fmt: skip


def test_a_file_that_became_executable_is_dirty(git: Git) -> None:
    (git.root / "a.txt").chmod(0o755)
    assert git("status", "--porcelain") == "M a.txt"
    assert facts(git).dirty == {"a.txt"}
    git("config", "core.fileMode", "false")
    assert facts(git).dirty == frozenset()


def test_a_link_in_place_of_a_file_is_dirty_and_a_committed_link_is_not(git: Git) -> None:
    (git.root / "link").symlink_to("a.txt")
    (git.root / "dangling").symlink_to("nowhere")
    git.commit("links")
    assert facts(git).dirty == frozenset()
    (git.root / "a.txt").unlink()
    (git.root / "a.txt").symlink_to("services/one/file")
    assert facts(git).dirty == {"a.txt"}


def test_what_was_touched_but_not_changed_is_not_dirty(git: Git) -> None:
    os.utime(git.root / "a.txt", (1, 1))
    git.write("services/one/file", "1\n")
    assert facts(git).dirty == frozenset()


def test_ignored_files_are_not_dirty(git: Git) -> None:
    git.commit("ignore", **{".gitignore": "dist/\n*.log\n", "services__one__.gitignore": "local\n"})
    for path in ("dist/x", "deep/a.log", "services/one/local"):
        git.write(path, "x")
    assert git("status", "--porcelain") == ""
    assert facts(git).dirty == frozenset()


def test_paths_are_from_the_root_wherever_the_command_runs(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    git.write("services/two/new", "x")
    monkeypatch.chdir(git.root / "services")
    expected = {"services/two/new"}
    assert facts(git).dirty == expected
    assert read_facts(Path(".."), environ={}).dirty == expected


def test_dirty_below_a_folder() -> None:
    found = GitFacts(commit="a" * 40, committed=datetime.now(UTC), dirty=frozenset({"services/one-more/x", "a.txt"}))
    assert found.dirty_below(PurePosixPath("services/one-more"))
    assert found.dirty_below(PurePosixPath("services"))
    assert found.dirty_below(PurePosixPath("."))
    assert not found.dirty_below(ONE), "services/one-more only begins with the same letters"


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not the root of a git repository") as caught:
        read_facts(tmp_path, environ={})
    assert "remedy: run Sealift at the root" in str(caught.value)


def test_a_folder_inside_a_repository_is_not_its_root(git: Git) -> None:
    with pytest.raises(ConfigError, match="services is not the root of a git repository"):
        read_facts(git.root / "services", environ={})


def test_a_repository_without_a_commit(empty_git: Git) -> None:
    with pytest.raises(ConfigError, match="the repository has no commit") as caught:
        facts(empty_git)
    assert "remedy: commit something first" in str(caught.value)


def test_a_shallow_clone(git: Git, tmp_path: Path) -> None:
    git.commit("second", services__two__file="2")
    last = git.commit("third", **{"a.txt": "3\n"})
    git("tag", "v1.2.3")
    git("clone", "--quiet", "--depth", "1", f"file://{git.root}", str(tmp_path / "clone"))
    found = read_facts(tmp_path / "clone", environ={})
    assert (found.commit, found.branch, found.tags, found.dirty) == (last, "main", ("v1.2.3",), frozenset())
    # At the clone's edge everything looks as if its commit had made it.
    for path in (ONE, TWO):
        revision = last_change(tmp_path / "clone", (path,))
        assert revision is not None
        assert (revision.commit, revision.committed) == (last, datetime(2025, 1, 20, 16, 30, tzinfo=UTC))


def test_a_linked_work_tree(git: Git, tmp_path: Path) -> None:
    git("tag", "v1.2.3")
    git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    (tmp_path / "linked/new").write_text("x", encoding="utf-8")
    found = read_facts(tmp_path / "linked", environ={})
    assert (found.branch, found.tags, found.dirty) == ("other", ("v1.2.3",), {"new"})


def test_the_last_change_is_the_last_commit_that_touched_the_paths(git: Git) -> None:
    first = git("rev-parse", "HEAD")
    second = git.commit("second", services__two__file="2")
    git.commit("third", **{"a.txt": "3\n"})
    one, two, both = (last_change(git.root, paths) for paths in ((ONE,), (TWO,), (ONE, TWO)))
    assert one is not None and two is not None and both is not None
    assert (one.commit, one.committed) == (first, datetime(2025, 1, 20, 14, 30, tzinfo=UTC))
    assert (two.commit, two.committed) == (second, datetime(2025, 1, 20, 15, 30, tzinfo=UTC))
    assert both.commit == second


def test_removing_a_file_is_a_change_and_an_empty_commit_is_none(git: Git) -> None:
    git.commit("more", services__one__more="x")
    (git.root / "services/one/more").unlink()
    removed = git.commit("remove")
    git.commit("empty")
    revision = last_change(git.root, (ONE,))
    assert revision is not None
    assert revision.commit == removed


def test_a_change_on_a_merged_branch_counts_and_the_merge_itself_does_not(git: Git) -> None:
    git("switch", "--quiet", "--create", "side")
    side = git.commit("side", services__one__file="side")
    git("switch", "--quiet", "main")
    git.commit("main", **{"a.txt": "main"})
    git("merge", "--quiet", "--no-ff", "--message", "merge", "side")
    revision = last_change(git.root, (ONE,))
    assert revision is not None
    assert revision.commit == side


def test_a_neighbour_with_a_longer_name_is_another_path(git: Git) -> None:
    first = git("rev-parse", "HEAD")
    git.commit("neighbour", **{"services__one-more__file": "x"})
    revision = last_change(git.root, (ONE,))
    assert revision is not None
    assert revision.commit == first


def test_what_was_never_committed_has_no_last_change(git: Git) -> None:
    git.write("services/two/file", "x")
    assert last_change(git.root, (TWO,)) is None


def test_the_root_itself_was_changed_by_every_commit(git: Git) -> None:
    second = git.commit("second", **{"a.txt": "2"})
    revision = last_change(git.root, (PurePosixPath("."),))
    assert revision is not None
    assert revision.commit == second


def test_tags_elsewhere_and_the_tag_that_started_the_run(git: Git) -> None:
    git("tag", "old")
    git.commit("second", b="b")
    git("tag", "new")
    facts = read_facts(git.root, environ={"GITHUB_REF": "refs/tags/new"})
    assert (facts.tags, facts.elsewhere, facts.started_by) == (("new",), {"old"}, "new")
    assert read_facts(git.root, environ={"GITHUB_REF": "refs/heads/main"}).started_by is None
    assert facts.shallow == frozenset()


@pytest.mark.parametrize("driver", ["clean", "process"])
@pytest.mark.parametrize("place", ["config", "included", "worktree"])
def test_the_repository_itself_starts_no_program(git: Git, tmp_path: Path, driver: str, place: str) -> None:
    """A repository that came as an archive has a configuration that somebody else wrote."""
    started = tmp_path / "started"
    git.write("one.txt", "1")
    git.write(".gitattributes", "*.txt filter=evil\n")
    git("add", "--all")
    git("commit", "--quiet", "--message=one")
    git.write("one.txt", "2")
    evil = f'[filter "evil"]\n{driver} = touch {started}; cat\nrequired = true\n'
    folder = git.root / ".git"
    (folder / {"config": "config", "included": "more", "worktree": "config.worktree"}[place]).open("a").write(evil)
    (folder / "config").open("a").write("[include]\npath = more\n[extensions]\nworktreeConfig = true\n")
    assert "one.txt" in facts(git).dirty
    assert not started.exists()


def test_what_is_tracked(git: Git, tmp_path: Path) -> None:
    git.write("committed", "")
    git.write("folder/committed", "")
    git("add", "--all")
    git.write("other", "")
    assert is_tracked(git.root, "committed")
    assert is_tracked(git.root / "folder", "committed")
    assert not is_tracked(git.root, "other")
    assert not is_tracked(git.root, "none")
    assert not is_tracked(tmp_path / "no-repository", "committed")
