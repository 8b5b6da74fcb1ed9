"""Facts about the commit being built, read from the repository with dulwich.

The same code runs on a laptop and inside the Dagger module, where there is no git command.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import cast

from dulwich import porcelain
from dulwich.config import ConfigFile
from dulwich.errors import NotGitRepository
from dulwich.index import IndexEntry
from dulwich.objects import Commit
from dulwich.repo import Repo

from pipelines.errors import ConfigError

SHORT = 7
"""Characters of a short commit id, as git's default for small repositories."""


@dataclass(frozen=True, kw_only=True)
class GitFacts:
    """What the repository says about the commit that is built.

    :param commit: 40 hexadecimal digits.
    :param branch: None on a detached head that the CI system does not explain.
    :param tags: git tags that point at the commit.
    :param pull_request: number of the pull request, if the CI system says so.
    :param dirty: paths, from the root, that differ from the commit, untracked ones included.
    :param elsewhere: git tags that point at other commits.
    :param started_by: the git tag whose push started the run, if the CI system says so.
    :param shallow: the clone's own edge, commits whose parents it does not have; empty for a whole clone.
    """

    commit: str
    committed: datetime
    branch: str | None = None
    tags: tuple[str, ...] = ()
    pull_request: int | None = None
    dirty: frozenset[str] = field(default_factory=frozenset)
    elsewhere: frozenset[str] = field(default_factory=frozenset)
    started_by: str | None = None
    shallow: frozenset[str] = field(default_factory=frozenset)

    @property
    def short(self) -> str:
        return self.commit[:SHORT]

    def dirty_below(self, folder: PurePosixPath) -> bool:
        """Whether anything below the folder differs from the commit."""
        return any(PurePosixPath(path).is_relative_to(folder) for path in self.dirty)


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The commit that last touched some paths, and its time (UTC)."""

    commit: str
    committed: datetime


def _decoded(path: object) -> str:
    return path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else str(path)


def _time(commit: Commit) -> datetime:
    return datetime.fromtimestamp(commit.commit_time, UTC)


class _Repository(Repo):
    """A repository whose own configuration names no programs: dulwich would run its filters, and it may have come
    with the files. The user's configuration may name some, such as Git LFS."""

    def get_config(self) -> ConfigFile:
        return _without_filters(super().get_config())

    def get_worktree_config(self) -> ConfigFile:
        return _without_filters(super().get_worktree_config())


def _without_filters(config: ConfigFile) -> ConfigFile:
    for section in [section for section in config.sections() if section[0].lower() == b"filter"]:
        del config[section]
    return config


def _open(root: Path) -> Repo:
    try:
        return _readable(lambda: _Repository(str(root)))
    except NotGitRepository as error:
        raise ConfigError(
            f"{root.name or 'this folder'} is not the root of a git repository",
            remedy="run Sealift at the root of a git repository with at least one commit",
            step="git",
        ) from error


def _readable(opened: Callable[[], Repo]) -> Repo:
    """The repository, if its configuration can be read.

    :raises ConfigError: it cannot. What stands there is not repeated: it may be a file of the user's that it includes.
    """
    try:
        return opened()
    except (ValueError, UnicodeError):
        raise ConfigError(
            "the repository's git configuration cannot be read",
            remedy="mend .git/config and the files that it includes; 'git config --list' says where it stops",
            step="git",
        ) from None


def is_tracked(root: Path, file: str) -> bool:
    """Whether a file in the folder is in the index of the repository that has it; not if there is no repository.

    :raises ConfigError: the repository's configuration cannot be read.
    """
    folder = root.resolve()
    try:
        repo = _readable(lambda: Repo.discover(str(folder)))
    except NotGitRepository:
        return False
    path = (folder / file).relative_to(Path(repo.path).resolve())
    return os.fsencode(path.as_posix()) in repo.open_index()


def read_facts(root: Path, *, environ: Mapping[str, str]) -> GitFacts:
    """Read the facts of the repository at `root`.

    On GitHub Actions a detached head is explained by GITHUB_REF and GITHUB_HEAD_REF (GitHub's "Variables reference").

    :raises ConfigError: no repository, or no commit in it.
    """
    repo = _open(root)
    try:
        head = repo.head()
    except KeyError as error:
        raise ConfigError("the repository has no commit", remedy="commit something first", step="git") from error
    commit = cast(Commit, repo[head])
    symbolic = repo.refs.get_symrefs().get(b"HEAD", b"")  # type: ignore[call-overload]
    branch = _decoded(symbolic.removeprefix(b"refs/heads/")) if symbolic.startswith(b"refs/heads/") else None
    here, elsewhere = _tags(repo, head)
    ref = environ.get("GITHUB_REF", "")
    pull = ref.split("/")[2] if ref.startswith("refs/pull/") else None
    if branch is None and ref.startswith("refs/heads/"):
        branch = ref.removeprefix("refs/heads/")
    if branch is None and pull:
        branch = environ.get("GITHUB_HEAD_REF") or None
    return GitFacts(
        commit=head.decode(),
        committed=_time(commit),
        branch=branch,
        tags=here,
        elsewhere=elsewhere,
        started_by=ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None,
        shallow=frozenset(_decoded(commit) for commit in repo.get_shallow()),
        pull_request=int(pull) if pull and pull.isdigit() else None,
        dirty=_dirty_files(repo),
    )


def _tags(repo: Repo, head: bytes) -> tuple[tuple[str, ...], frozenset[str]]:
    """Git tags at the commit, sorted, and those elsewhere."""
    here: list[str] = []
    elsewhere: list[str] = []
    for name, target in repo.refs.as_dict(b"refs/tags").items():  # type: ignore[arg-type]
        at_head = target == head or repo.get_peeled(b"refs/tags/" + name) == head  # type: ignore[arg-type]
        (here if at_head else elsewhere).append(_decoded(name))
    return tuple(sorted(here)), frozenset(elsewhere)


def _dirty_files(repo: Repo) -> frozenset[str]:
    try:
        return _dirty(repo)
    except OSError as error:
        # Most likely the user's own git settings: dulwich looks for those below HOME.
        raise ConfigError(
            f"git's status cannot be told: {error.filename or repo.path}: {error.strerror or error}",
            remedy="let HOME and XDG_CONFIG_HOME name folders, and make the file readable",
            step="git",
        ) from error


def _dirty(repo: Repo) -> frozenset[str]:
    status = porcelain.status(repo, untracked_files="all")
    staged = [path for paths in status.staged.values() for path in paths]
    return frozenset(_decoded(path) for path in [*staged, *status.unstaged, *status.untracked, *_other_mode(repo)])


def _other_mode(repo: Repo) -> Iterator[bytes]:
    """Files whose executable bit is not the index's: dulwich's status compares contents only."""
    if not repo.get_config_stack().get_boolean((b"core",), b"filemode", True):
        return
    for path, entry in repo.open_index().items():
        file = Path(repo.path) / os.fsdecode(path)
        if not isinstance(entry, IndexEntry) or file.is_symlink() or not file.is_file():
            continue
        if bool(file.stat().st_mode & stat.S_IXUSR) != bool(entry.mode & stat.S_IXUSR):
            yield path


def last_change(root: Path, paths: tuple[PurePosixPath, ...]) -> Revision | None:
    """The commit that last touched any of the paths; None if no commit ever did.

    In a shallow clone this is at the oldest the clone's own edge.
    """
    repo = _open(root)
    # Git has no entry for the root itself: every commit touches it.
    everything = PurePosixPath() in paths
    walker = repo.get_walker(paths=None if everything else [str(path).encode() for path in paths], max_entries=1)
    for entry in walker:
        return Revision(commit=entry.commit.id.decode(), committed=_time(entry.commit))
    return None
