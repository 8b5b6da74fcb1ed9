"""The base image, as an OCI archive or in a registry; and whether a layer of it is the same as one written anew."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipelines.layers.image import KeptLayer
from pipelines.layers.normal import name_of
from pipelines.layers.registry import Repository


class Base(Protocol):
    """An image of which another has layers."""

    def layers(self) -> list[KeptLayer]:
        """Its layers, from the lowest."""

    def fetch(self, digest: str, target: Path) -> None:
        """Write a layer to a file."""


@contextmanager
def opened(base: str) -> Iterator[Base]:
    """The image of this name.

    :param base: `REPOSITORY@DIGEST`, or the path of an OCI archive.
    """
    if base.startswith("/"):
        with tarfile.open(base) as archive:
            yield Archived(archive)
    else:
        name, _, digest = base.partition("@")
        yield Kept(Repository(name), digest)


@dataclass(frozen=True)
class Kept:
    """An image in a registry."""

    repository: Repository
    digest: str

    def layers(self) -> list[KeptLayer]:
        manifest = self.repository.manifest(self.digest)
        return _paired(manifest, self.repository.config(manifest))

    def fetch(self, digest: str, target: Path) -> None:
        self.repository.fetch(digest, target)


@dataclass(frozen=True)
class Archived:
    """The only image in an OCI archive."""

    archive: tarfile.TarFile

    def layers(self) -> list[KeptLayer]:
        document = self._document("index.json")
        while "manifests" in document:
            (only,) = document["manifests"]
            document = self._document(_blob(only["digest"]))
        return _paired(document, self._document(_blob(document["config"]["digest"])))

    def fetch(self, digest: str, target: Path) -> None:
        file = self.archive.extractfile(_blob(digest))
        assert file is not None  # noqa: S101 - the manifest names it
        with file, target.open("wb") as out:
            shutil.copyfileobj(file, out)

    def _document(self, name: str) -> dict[str, Any]:
        file = self.archive.extractfile(name)
        found: dict[str, Any] = json.load(file) if file else {}
        return found


def _paired(manifest: dict[str, Any], config: dict[str, Any]) -> list[KeptLayer]:
    return [
        KeptLayer(descriptor=descriptor, diff_id=diff_id)
        for descriptor, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
    ]


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
