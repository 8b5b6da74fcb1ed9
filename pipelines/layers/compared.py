"""What differs first between two layers. Pure."""

from __future__ import annotations

import hashlib
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pipelines.layers.normal import name_of

_KINDS = {
    tarfile.REGTYPE: "a file",
    tarfile.DIRTYPE: "a folder",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a pipe",
}


@dataclass(frozen=True)
class _Entry:
    """What an archive says of a file; the fields' names are what people read."""

    kind: str
    content: str
    size: int
    mode: str
    owner: str
    mtime: str
    link: str
    attributes: str


def first_difference(one: Path, other: Path) -> dict[str, Any] | None:
    """The first entry that differs, as `{"path", "what": [[name, before, after]…]}`; None if the archives say the same.

    An entry that only one of them has, or that they have at different places, differs as a whole.
    """
    with tarfile.open(one, "r|*") as old, tarfile.open(other, "r|*") as new:
        for before, after in zip_longest(_entries(old), _entries(new)):
            if before != after:
                return _told(before, after)
    return None


def _entries(archive: tarfile.TarFile) -> Iterator[tuple[str, _Entry]]:
    for entry in archive:
        file = archive.extractfile(entry) if entry.isreg() else None
        yield (
            name_of(entry),
            _Entry(
                kind=_KINDS.get(entry.type, f"type {entry.type!r}"),
                content=hashlib.file_digest(file, "sha256").hexdigest()[:12] if file else "",  # type: ignore[arg-type]
                size=entry.size,
                mode=stat.filemode(entry.mode)[1:] + f" ({entry.mode:04o})",
                owner=f"{entry.uid}:{entry.gid} {entry.uname}:{entry.gname}".removesuffix(" :"),
                mtime=str(entry.mtime),
                link=entry.linkname,
                attributes=repr(sorted(entry.pax_headers.items())) if entry.pax_headers else "",
            ),
        )


def _told(before: tuple[str, _Entry] | None, after: tuple[str, _Entry] | None) -> dict[str, Any]:
    if before is None or after is None or before[0] != after[0]:
        # Archives are in order: of two names, the one that comes first is the one that the other lacks.
        only = min((item for item in (before, after) if item is not None), key=lambda item: item[0])
        return {"path": only[0], "what": [["presence", "there" if only == before else None,
                                           "there" if only == after else None]]}  # fmt: skip
    old, new = asdict(before[1]), asdict(after[1])
    return {"path": before[0], "what": [[name, old[name], new[name]] for name in old if old[name] != new[name]]}
