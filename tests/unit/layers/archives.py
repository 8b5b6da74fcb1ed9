"""Layers as an engine writes them, for tests."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

NOW = 1767225600
"""2026-01-01: when the layers below were built."""


def entry(name: str, *, mtime: float = NOW, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.mtime, made.type, made.mode = mtime, kind, 0o755 if kind == tarfile.DIRTYPE else 0o644  # type: ignore[assignment]
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def layer(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for made, content in entries:
            made.size = len(content)
            archive.addfile(made, io.BytesIO(content))
    return path


def read(path: Path) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path, "r:gz") as archive:
        files = {item.name: archive.extractfile(item) if item.isreg() else None for item in archive}
        return {name: (archive.getmember(name), file.read() if file else b"") for name, file in files.items()}
