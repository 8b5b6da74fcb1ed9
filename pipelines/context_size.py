"""How much of a build context would be sent, told before it is: a forgotten archive costs minutes and disk."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from pipelines.contexts import NEVER_SENT, Context, ignore_file, ignored_in

_LARGEST = 3


def oversize(root: Path, context: Context, budget: int) -> str | None:
    """What is wrong with the size of a context, with its largest files; None if it is within the budget.

    Cheap where nothing is wrong: the ignore files are read only if all files together are over the budget.

    :param budget: bytes.
    """
    folder = root / context.folder
    if not _over(_files(root, folder, lambda _path: False), budget):
        return None
    kept = list(_files(root, folder, ignored(root, context)))
    total = sum(size for size, _ in kept)
    if total <= budget:
        return None
    largest = ", ".join(
        f"{path.relative_to(folder)} ({_readable(size)})" for size, path in heapq.nlargest(_LARGEST, kept)
    )
    ignore = ignore_file(root, context) or context.folder / ".dockerignore"
    return (
        f"{str(context.folder)!r} is {_readable(total)} in {len(kept):,} file{'s' if len(kept) != 1 else ''}, over its"
        f" budget of {_readable(budget)}; the largest: {largest}; list in {ignore} what the image does not need, or"
        " raise context_budget"
    )


def _over(files: Iterator[tuple[int, Path]], budget: int) -> bool:
    total = 0
    for size, _ in files:
        total += size
        if total > budget:
            return True
    return False


def _files(root: Path, folder: Path, ignored: Callable[[PurePosixPath], bool]) -> Iterator[tuple[int, Path]]:
    """Size and path of each regular file; what lies in an ignored folder is not looked at."""
    for current, names, files in os.walk(folder):
        here = Path(current)
        base = PurePosixPath(here.relative_to(root))
        skipped = NEVER_SENT if here == root else ()
        names[:] = [name for name in names if name not in skipped and not ignored(base / name)]
        for name in files:
            if name in skipped or ignored(base / name):
                continue
            try:
                status = (here / name).lstat()
            except FileNotFoundError:  # gone in the meantime
                continue
            if stat.S_ISREG(status.st_mode):
                yield status.st_size, here / name


def ignored(root: Path, context: Context) -> Callable[[PurePosixPath], bool]:
    """A test whether git or the context's ignore file leaves out a path, from the root.

    The engine knows the repository's own `.gitignore` files: what a user's settings ignore beside these is sent.
    """
    from dulwich.ignore import IgnoreFilterManager

    git = IgnoreFilterManager(str(root), [], ignorecase=False)
    patterns = ignored_in(root, ignore_file(root, context))
    docker = _matcher(patterns)
    exceptions = any(pattern.startswith("!") for pattern in patterns)

    def left_out(path: PurePosixPath) -> bool:
        folder = (root / path).is_dir()
        if git.is_ignored(f"{path}/" if folder else str(path)):
            return True
        # In an ignored folder there may be an exception.
        return not (folder and exceptions) and docker(str(path.relative_to(context.folder)))

    return left_out


def _matcher(patterns: list[str]) -> Callable[[str], bool]:
    if not patterns:
        return lambda _path: False
    # Takes a third of a second to import, and most contexts have no ignore file.
    from docker.utils.build import PatternMatcher

    matches: Callable[[str], bool] = PatternMatcher(patterns).matches
    return matches


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
