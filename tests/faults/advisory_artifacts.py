"""Advisory databases as Trivy's registries serve them, sound or not."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import anyio
import dagger
import pytest

from pipelines.stages import database
from pipelines.stages.toolbox import Toolbox
from tests.scratch import REGISTRY, Registry

MEDIA = "application/vnd.aquasec.trivy"


GAINED = """\
- id: CVE-2025-62727
  source: https://github.com/advisories/GHSA-7f5h-v6xp-fcq8
  ecosystem: pip
  package: starlette
  vulnerable: [">=0.39.0, <0.49.1"]
  patched: ["0.49.1"]
  severity: HIGH
  title: Starlette vulnerable to denial of service by range headers
"""
"""An advisory of what is in the smallest release."""


def made_today(engine: Mapping[str, str], folder: Path, *, more: str = "") -> Path:
    """The archive of a database of today, which is no sample: that of the repository, made in the engine.

    :param more: advisories besides, as `pipelines/advisories` writes them.
    """
    source, made = folder / "source", folder / "made"
    with resources.as_file(resources.files("pipelines.advisories")) as there:
        shutil.copytree(there, source)
    with (source / "data/pip.yaml").open("a", encoding="utf-8") as file:
        file.write(more)

    async def make() -> None:
        async with dagger.Connection() as client:
            toolbox = Toolbox(client=client, project="scratch", run="test")
            found = await database.sample_advisories(toolbox, "a test wants it")
            await found.folder.export(str(made))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.items():
            patch.setenv(name, value)
        patch.setattr(database.resources, "files", lambda _: source)
        anyio.run(make)
    now = datetime.now(UTC)
    dates = {"UpdatedAt": now, "DownloadedAt": now, "NextUpdate": now + timedelta(days=1)}
    stamps = {name: f"{date:%Y-%m-%dT%H:%M:%SZ}" for name, date in dates.items()}
    (made / "metadata.json").write_text(json.dumps({"Version": 2, **stamps}))
    return packed(made)


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
