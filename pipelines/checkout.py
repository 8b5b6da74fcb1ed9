"""A commit's files in a folder of their own. Nothing is written into the repository that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dulwich import porcelain
from dulwich.objects import ObjectID
from dulwich.repo import Repo

from pipelines.errors import ConfigError

_TAGS = b"refs/tags/"


@contextmanager
def checked_out(root: Path, commit: str) -> Iterator[Path]:
    """The root of a repository of its own at that commit, with the tags and the history of the one at `root`, whose
    objects it uses; it is gone with the block.

    :raises ConfigError: this clone does not have the commit.
    """
    source = Repo(str(root))
    if ObjectID(commit.encode()) not in source.object_store:
        raise ConfigError(
            f"this clone does not have the commit {commit[:12]}",
            remedy="'git fetch --tags' gets it, in a shallow clone 'git fetch --unshallow --tags'",
            step="git",
        )
    with TemporaryDirectory(prefix="sealift-rebuild-") as folder:
        with Repo.init(folder) as repo:
            # Those of all work trees of the repository.
            repo.object_store.add_alternate_path(source.object_store.path)
            for name, target in source.refs.as_dict(_TAGS.rstrip(b"/")).items():  # type: ignore[arg-type]
                repo.refs[_TAGS + name] = target  # type: ignore[index]
            repo.update_shallow(source.get_shallow(), None)
            repo.refs.remove_if_equals(b"HEAD", None)  # type: ignore[arg-type]
            repo.refs[b"HEAD"] = ObjectID(commit.encode())  # type: ignore[index]
            porcelain.reset(repo, "hard", commit)
        yield Path(folder)
