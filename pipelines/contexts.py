"""What of a repository is sent to the engine: the build contexts, without what their ignore files leave out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.config.files import read_text

NEVER_SENT = (".git", ".venv", ".env")
"""Below the repository's root: what is no input of an image, and what holds secrets."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One service's build context.

    :param folder: from the repository's root.
    :param dockerfile: from the folder.
    """

    folder: PurePosixPath
    dockerfile: PurePosixPath


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Patterns from the repository's root, as the engine matches them; no `include` means everything."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]


def ignore_file(root: Path, context: Context) -> PurePosixPath | None:
    """The ignore file that counts, from the root: `NAME.Dockerfile.dockerignore`, unless it is not there or empty, or
    else `.dockerignore` (Docker's documentation, "Build context", "Filename and location").
    """
    names = (f"{context.dockerfile}.dockerignore", ".dockerignore")
    files = [context.folder / name for name in names]
    return next((file for file in files if (root / file).is_file() and (root / file).stat().st_size), None)


def ignored_in(root: Path, file: PurePosixPath | None) -> list[str]:
    """The patterns of an ignore file, from its context, cleaned as BuildKit does (moby/patternmatcher/ignorefile)."""
    text = read_text(root / file, str(file))[0] if file else None
    patterns = []
    for line in (text or "").splitlines():
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        kept = "!" if pattern.startswith("!") else ""
        pattern = posixpath.normpath(pattern.removeprefix("!").strip()).lstrip("/")
        if pattern not in ("", "."):
            patterns.append(kept + pattern)
    return patterns


def sent(root: Path, contexts: Iterable[Context]) -> Sent:
    """What the engine needs for these contexts. It applies the ignore files once more: more than needed does no harm.

    Where contexts lie inside each other, or services of one context have ignore files of their own, one service's
    pattern may be another one's input: nothing is left out there.
    """
    by_folder: dict[PurePosixPath, list[Context]] = {}
    for context in contexts:
        by_folder.setdefault(context.folder, []).append(context)
    include = () if PurePosixPath() in by_folder else tuple(sorted(str(folder) for folder in by_folder))
    exclude = [pattern for folder in by_folder for pattern in _left_out(root, folder, by_folder)]
    return Sent(include=include, exclude=(*NEVER_SENT, *exclude))


def _left_out(root: Path, folder: PurePosixPath, contexts: Mapping[PurePosixPath, list[Context]]) -> Iterator[str]:
    ignore_files = {ignore_file(root, context) for context in contexts[folder]}
    nested = any(other != folder and _overlap(folder, other) for other in contexts)
    if nested or len(ignore_files) > 1:
        return
    (file,) = ignore_files
    for pattern in ignored_in(root, file):
        kept = "!" if pattern.startswith("!") else ""
        yield f"{kept}{folder / pattern.removeprefix('!')}"
    # Docker sends these two whatever the patterns say.
    for needed in (file, *(folder / context.dockerfile for context in contexts[folder])):
        if file and needed:
            yield f"!{needed}"


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
