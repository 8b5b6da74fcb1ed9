"""The base image, as an OCI archive; and whether a layer of it is the same as one that was written anew."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

from pipelines.layers.image import KeptLayer
from pipelines.layers.normal import name_of


def archived(archive: tarfile.TarFile) -> list[KeptLayer]:
    """The layers of the only image in an OCI archive."""
    document = _document(archive, "index.json")
    while "manifests" in document:
        (only,) = document["manifests"]
        document = _document(archive, _blob(only["digest"]))
    diff_ids = _document(archive, _blob(document["config"]["digest"]))["rootfs"]["diff_ids"]
    return [
        KeptLayer(descriptor=descriptor, diff_id=diff_id)
        for descriptor, diff_id in zip(document["layers"], diff_ids, strict=True)
    ]


def extract(archive: tarfile.TarFile, digest: str, target: Path) -> None:
    """Write a blob of an OCI archive to a file."""
    file = archive.extractfile(_blob(digest))
    assert file is not None  # noqa: S101 - the manifest names it
    with file, target.open("wb") as out:
        shutil.copyfileobj(file, out)


def files_of(layer: Path) -> dict[str, tuple[bytes, int, str]]:
    """Path → type, size and link of what is no folder: a folder that a layer only passes through may be there or not.

    Which of a file's names is the file, and which are links to it, is not the same in every archive of the same files.
    """
    found: dict[str, tuple[bytes, int, str]] = {}
    with tarfile.open(layer, "r|*") as archive:
        for entry in archive:
            if entry.islnk():
                _, size, link = found.get(entry.linkname.removeprefix("./").strip("/"), (b"", 0, entry.linkname))
                found[name_of(entry)] = (tarfile.REGTYPE, size, link)
            elif not entry.isdir():
                found[name_of(entry)] = (entry.type, entry.size, entry.linkname)
    return found


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _document(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    file = archive.extractfile(name)
    found: dict[str, Any] = json.load(file) if file else {}
    return found
