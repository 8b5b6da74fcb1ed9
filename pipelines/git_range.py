"""What changed in a repository since another revision, read with dulwich."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from dulwich.diff_tree import tree_changes
from dulwich.graph import find_merge_base
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, Commit, ObjectID, Tag
from dulwich.objectspec import parse_object
from dulwich.repo import Repo

from pipelines.errors import ConfigError, shown
from pipelines.git import GitFacts


@dataclass(frozen=True, kw_only=True)
class Range:
    """The difference between a revision and the work tree.

    :param since: the revision as it was named.
    :param base: the commit that counts: the last one that it and the head have in common.
    :param paths: from the root, that differ; what is not committed counts too.
    :param config: the configuration's text at that commit; None if there was none.
    """

    since: str
    base: str
    paths: frozenset[str]
    config: bytes | None


def read_range(root: Path, since: str, facts: GitFacts, *, config: str) -> Range:
    """What changed since a commit, a branch or a tag: `main`, `v1.2.3`, `HEAD~3`, as `git diff SINCE...` has it.

    :param config: path of the configuration from the root.
    :raises ConfigError: there is no such revision in this clone, or it has nothing in common with the head.
    """
    repo = Repo(str(root))
    try:
        named = parse_object(repo, since.encode())
        while isinstance(named, Tag):
            named = repo[named.object[1]]
        if not isinstance(named, Commit):
            raise _unknown(since, facts)
        bases = find_merge_base(repo, [named.id, ObjectID(facts.commit.encode())])
    except (KeyError, ValueError, AttributeError, NotImplementedError) as error:
        raise _unknown(since, facts) from error
    if not bases:
        raise _unknown(since, facts)
    base = cast(Commit, repo[bases[0]])
    head = cast(Commit, repo[facts.commit.encode()])
    changed = frozenset(_paths(repo, base, head)) | facts.dirty
    return Range(since=since, base=base.id.decode(), paths=changed, config=_file(repo, base, config))


def _unknown(since: str, facts: GitFacts) -> ConfigError:
    shallow = " of this shallow clone" if facts.shallow else ""
    return ConfigError(
        f"--since: {shown(since)} is no revision{shallow} that has anything in common with {facts.short}",
        remedy="name a commit, branch or tag; 'git fetch --unshallow --tags' gets what a shallow clone lacks",
        step="git",
    )


def _paths(repo: Repo, base: Commit, head: Commit) -> Iterator[str]:
    for change in tree_changes(repo.object_store, base.tree, head.tree):
        for side in (change.old, change.new):
            if side is not None and side.path is not None:
                yield side.path.decode("utf-8", "surrogateescape")


def _file(repo: Repo, commit: Commit, path: str) -> bytes | None:
    try:
        _, found = tree_lookup_path(repo.__getitem__, commit.tree, path.encode())
    except KeyError:
        return None
    blob = repo[found]
    return blob.data if isinstance(blob, Blob) else None
