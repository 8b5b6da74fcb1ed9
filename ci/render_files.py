"""Files of manifests: found, read, and written all or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pipelines.config import Problem
from pipelines.errors import ConfigError
from pipelines.render.refusal import refuse

_SUFFIXES = {".yaml", ".yml"}


def found(paths: Sequence[Path]) -> Mapping[str, bytes]:
    """Path → content, of files and of all `*.yaml` and `*.yml` below folders; what is hidden there is left out.

    :raises ConfigError: something cannot be read, or a folder has none; all of it is named.
    """
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    seen: set[Path] = set()
    for path in paths:
        below = sorted(_below(path)) if path.is_dir() else [path]
        if not below:
            problems.append(Problem(source=str(path), message="no *.yaml or *.yml in this folder"))
        for file in below:
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            try:
                files[str(file)] = file.read_bytes()
            except OSError as error:
                problems.append(Problem(source=str(file), message=error.strerror or str(error)))
    if problems:
        refuse(problems)
    return files


def _below(folder: Path) -> Iterator[Path]:
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if Path(name).suffix in _SUFFIXES and not name.startswith("."):
                yield Path(path) / name


def write_new(files: Mapping[Path, str], *, update: str) -> list[Path]:
    """Write files that are not there yet; those that were written. One that is there with the same text stays.

    :param update: the command that changes what is there.
    :raises ConfigError: one is there with another text, or cannot be written; nothing is.
    """
    there = {path: path.read_text(encoding="utf-8", errors="replace") for path in files if path.exists()}
    if other := [str(path) for path, text in there.items() if text != files[path]]:
        raise ConfigError(
            f"{', '.join(other)} is there already, and what stands in it is not written over",
            remedy=f"'{update}' sets the images in it; or move it away",
            step="render",
        )
    new = {path: text.encode("utf-8") for path, text in files.items() if path not in there}
    replace(new)
    return list(new)


def replace(files: Mapping[Path, bytes]) -> None:
    """Write files, each as a whole: a reader sees the old or the new one. Mode and owner stay.

    :raises ConfigError: there is no room, or no right, for one of them; no file has changed then.
    """
    fresh: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            fresh.append((_beside(path.resolve(), data), path.resolve()))
        for made, path in fresh:
            made.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or 'a manifest'} cannot be written: {error.strerror or error}",
            remedy="see to room and rights in that folder, and run again",
            step="render",
        ) from error
    finally:
        for made, _ in fresh:
            made.unlink(missing_ok=True)


def _beside(path: Path, data: bytes) -> Path:
    """A file with this content, mode and owner in the path's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            there = path.stat()
            with suppress(PermissionError):
                os.chown(made, there.st_uid, there.st_gid)
            made.chmod(there.st_mode & 0o7777)
        else:
            made.chmod(0o666 & ~_umask())
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
