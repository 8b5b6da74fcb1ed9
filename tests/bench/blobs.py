"""Lists the blobs of a registry's storage as JSON. A script of its own: it runs inside the engine too."""

import json
import sys
from pathlib import Path
from typing import TypedDict


class Blob(TypedDict):
    """`written` in seconds since 1970; `layer` if it is a gzip, as our layers are and nothing else is."""

    bytes: int
    written: float
    layer: bool


def blobs(storage: Path) -> list[Blob]:
    """Every blob below `storage`."""
    found: list[Blob] = []
    for file in (storage / "docker/registry/v2/blobs").glob("*/*/*/data"):
        with file.open("rb") as data:
            layer = data.read(2) == b"\x1f\x8b"
        status = file.stat()
        found.append({"bytes": status.st_size, "written": status.st_mtime, "layer": layer})
    return found


if __name__ == "__main__":
    json.dump(blobs(Path(sys.argv[1])), sys.stdout)
