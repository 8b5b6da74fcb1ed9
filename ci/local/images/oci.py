"""Writes OCI image layouts: https://github.com/opencontainers/image-spec/blob/main/image-layout.md."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EPOCH = 1735689600
"""Time stamp of everything that is written: 2025-01-01, so that one recipe gives one digest."""


@dataclass(frozen=True)
class Layer:
    """A gzipped tar on disk. `diff_id` is the digest of the tar, `digest` that of the file."""

    path: Path
    digest: str
    diff_id: str

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": LAYER, "digest": self.digest, "size": self.path.stat().st_size}


class _Hashing(io.RawIOBase):
    """Passes bytes on and hashes them."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return self.target.write(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self.hash.hexdigest()}"


@contextmanager
def layer_writer(folder: Path) -> Iterator[IO[bytes]]:
    """Takes an uncompressed tar; leaves `layer.tar.gz` and `layer.json` in the folder."""
    with (folder / "layer.tar.gz").open("wb") as file:
        packed = _Hashing(file)
        # Level 1: these layers travel over the loopback only, and the time to pack them is the user's.
        with gzip.GzipFile(fileobj=cast(IO[bytes], packed), mode="wb", mtime=0, compresslevel=1, filename="") as zipped:
            plain = _Hashing(cast(IO[bytes], zipped))
            yield cast(IO[bytes], plain)
    (folder / "layer.json").write_text(json.dumps({"digest": packed.digest, "diff_id": plain.digest}))


def load_layer(folder: Path) -> Layer:
    """The layer that `layer_writer` left in the folder."""
    known = json.loads((folder / "layer.json").read_text())
    return Layer(folder / "layer.tar.gz", known["digest"], known["diff_id"])


@dataclass(frozen=True)
class Entry:
    """One file (`content` or `source`), symbolic link (`link`) or folder (none of them) of a layer."""

    path: str
    content: bytes | None = None
    source: Path | None = None
    link: str | None = None
    mode: int = 0o755
    owner: int = 0


def tree(source: Path, target: str) -> Iterator[Entry]:
    """Every file below a folder, to be put under `target`; what the owner can run stays executable."""
    for path in sorted(source.rglob("*")):
        place = f"{target}/{path.relative_to(source)}"
        if path.is_symlink():
            yield Entry(place, link=str(path.readlink()))
        elif path.is_file():
            yield Entry(place, source=path, mode=0o755 if path.stat().st_mode & 0o100 else 0o644)


def write_entries(folder: Path, entries: Iterable[Entry]) -> None:
    """A layer from entries; parent folders that a base layer has keep that layer's attributes."""
    with layer_writer(folder) as output, tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for entry in sorted(entries, key=lambda entry: entry.path):
            _add(tar, entry)


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path.lstrip("/"))
    info.mtime, info.mode, info.uid, info.gid = EPOCH, entry.mode, entry.owner, entry.owner
    if entry.link is not None:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
        tar.addfile(info)
    elif entry.content is not None:
        info.size = len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))
    elif entry.source is not None:
        info.size = entry.source.stat().st_size
        with entry.source.open("rb") as file:
            tar.addfile(info, file)
    else:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


class Layout:
    """An OCI image layout that is being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def put(self, document: Mapping[str, Any], media_type: str) -> dict[str, Any]:
        """Store a JSON document; returns its descriptor."""
        data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        name = hashlib.sha256(data).hexdigest()
        (self.blobs / name).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}

    def image(
        self, architecture: str, layers: list[Layer], config: Mapping[str, Any], annotations: Mapping[str, str]
    ) -> dict[str, Any]:
        """Store an image for one platform; returns its descriptor with the platform in it."""
        for layer in layers:
            target = self.blobs / layer.digest.removeprefix("sha256:")
            if not target.exists():
                _link_or_copy(layer.path, target)
        document = {
            "created": "2025-01-01T00:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.put(document, CONFIG),
            "layers": [layer.descriptor for layer in layers],
            "annotations": annotations,
        }
        return {**self.put(manifest, MANIFEST), "platform": {"os": "linux", "architecture": architecture}}

    def index(self, images: list[dict[str, Any]], annotations: Mapping[str, str], tag: str) -> str:
        """Store the index over the platforms and give it a tag; returns its digest."""
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images, "annotations": annotations}
        descriptor = self.put(body, INDEX)
        top = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
        (self.folder / "index.json").write_text(
            json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]})
        )
        return str(descriptor["digest"])
