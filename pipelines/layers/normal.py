"""A layer's archive written anew: the same files, without what tells when and by whom they were written. Pure."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

_XATTR = "SCHILY.xattr."
_COMPILED = re.compile(r"(?P<folder>.*/|)__pycache__/(?P<module>[^/.]+)\.[^/]+\.pyc")


def sources(layer: Path) -> dict[str, int]:
    """Path → time of the Python sources in a layer."""
    with tarfile.open(layer, "r|*") as archive:
        return {name_of(entry): int(entry.mtime) for entry in archive if entry.name.endswith(".py")}


def write(layer: Path, target: Path, epoch: int, times: Mapping[str, int]) -> tuple[str, str]:
    """Write a layer anew, compressed with gzip; the digests of its archive and of the file.

    :param epoch: seconds since 1970.
    :param times: of all Python sources of the image that are written anew, as they were.
    """
    with target.open("wb") as file:
        packed = _Digesting(file)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=cast(IO[bytes], packed), mtime=0) as zipped:
            plain = _Digesting(cast(IO[bytes], zipped))
            with (
                tarfile.open(layer, "r|*") as old,
                tarfile.open(fileobj=cast(IO[bytes], plain), mode="w|", format=tarfile.PAX_FORMAT) as new,
            ):
                for entry in old:
                    content = old.extractfile(entry) if entry.isreg() else None
                    if content and entry.name.endswith(".pyc"):
                        content = io.BytesIO(_compiled(name_of(entry), content.read(), epoch, times))
                    new.addfile(_normal(entry, epoch), content)
    return plain.digest, packed.digest


def name_of(entry: tarfile.TarInfo) -> str:
    """An entry's path in the image, without a slash before it."""
    return entry.name.removeprefix("./").strip("/")


def _normal(entry: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    """Owners by number only, no time but the commit's, and extended attributes as they are.

    A time that a step has set on purpose does not stay either: the engine knows a context by its content, and so it may
    give a file the time that it had in somebody else's checkout.
    """
    entry.mtime = epoch
    entry.uname = entry.gname = ""
    entry.pax_headers = {key: value for key, value in entry.pax_headers.items() if key.startswith(_XATTR)}
    return entry


def _compiled(path: str, content: bytes, epoch: int, times: Mapping[str, int]) -> bytes:
    """Compiled Python that knows the new time of its source; or else Python would compile it at every start.

    The header is PEP 552's: magic number, flags, and where the flags are 0 time and size of the source.
    """
    found = _COMPILED.fullmatch(path)
    time = times.get(f"{found['folder']}{found['module']}.py") if found else None
    if time is None or content[4:12] != bytes(4) + _little(time):
        return content
    return content[:8] + _little(epoch) + content[12:]


def _little(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")


class _Digesting:
    """A file that is written to, and the digest of what was."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"
