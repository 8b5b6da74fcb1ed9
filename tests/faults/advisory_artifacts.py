"""Advisory databases as Trivy's registries serve them, sound or not."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path

from tests.scratch import REGISTRY, Registry

MEDIA = "application/vnd.aquasec.trivy"


def packed(folder: Path, names: Iterable[str] = ("trivy.db", "metadata.json")) -> Path:
    """`db.tar.gz` of these files of the folder."""
    path = folder / "db.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.add(folder / name, arcname=name)
    return path


def served(registry: Registry, archive: Path) -> str:
    """Put an archive into the local registry, as a database; its repository and tag, without the registry's host."""
    config = archive.with_name("config.json")
    config.write_text("{}")
    name = f"{registry.prefix}trivy-db:2"
    done = registry.regctl(
        "artifact", "put", f"--artifact-type={MEDIA}.config.v1+json", f"--config-type={MEDIA}.config.v1+json",
        f"--config-file={config}", "--file-title", "--strip-dirs",
        f"--file-media-type={MEDIA}.db.layer.v1.tar+gzip", f"--file={archive}", f"{REGISTRY}/{name}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return name
