"""The advisory database: fetched from a registry by digest, and refused when it is old or cannot be had."""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import dagger
import pytest

from pipelines.stages.database import sample_advisories
from pipelines.stages.toolbox import Toolbox
from tests.scratch import Scratch

MEDIA = "application/vnd.aquasec.trivy"


def publish_database(scratch: Scratch, folder: Path, updated: datetime, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a database, of the given date, into the registry as Trivy's own is; its reference."""
    for name, value in scratch.env.items():
        monkeypatch.setenv(name, value)

    async def make() -> None:
        async with dagger.Connection() as client:
            made = await sample_advisories(Toolbox(client=client, project="scratch", run="test"), "a test wants it")
            await made.folder.export(str(folder))

    anyio.run(make)
    metadata = json.loads((folder / "metadata.json").read_text())
    stamp = updated.strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata |= {"UpdatedAt": stamp, "DownloadedAt": stamp}
    metadata["NextUpdate"] = (updated + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (folder / "metadata.json").write_text(json.dumps(metadata))
    with tarfile.open(folder / "db.tar.gz", "w:gz") as archive:
        for name in ("trivy.db", "metadata.json"):
            archive.add(folder / name, arcname=name)
    (folder / "config.json").write_text("{}")
    reference = f"localhost:5000/{scratch.registry.prefix}trivy-db:2"
    done = scratch.registry.regctl(
        "artifact", "put", f"--artifact-type={MEDIA}.config.v1+json", f"--config-type={MEDIA}.config.v1+json",
        f"--config-file={folder / 'config.json'}", "--file-title", "--strip-dirs",
        f"--file-media-type={MEDIA}.db.layer.v1.tar+gzip", f"--file={folder / 'db.tar.gz'}", reference,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return reference


def test_a_database_from_a_registry_is_used_and_recorded(
    scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updated = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    reference = publish_database(scratch, tmp_path, updated, monkeypatch)
    scratch.extra["database"] = {"repository": reference}
    scratch.service("web")
    scratch.commit()
    done = scratch.sealift("build-all", "--no-push")
    assert done.returncode == 0, done.stderr
    database = scratch.record()["database"]
    assert database["reference"] == reference
    assert database["digest"].startswith("sha256:")  # type: ignore[attr-defined]
    assert datetime.fromisoformat(str(database["updated"])) == updated
    assert database["sample"] is False


def test_a_stale_database_is_refused(scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = publish_database(scratch, tmp_path, datetime.now(UTC) - timedelta(hours=80), monkeypatch)
    scratch.extra["database"] = {"repository": reference}
    scratch.service("web")
    scratch.commit()
    done = scratch.sealift("build-all")
    assert done.returncode == 6, done.stderr
    assert "hours old; at most 48 are allowed" in done.stderr
    assert scratch.registry.tags("web") == []


def test_an_environment_that_releases_refuses_the_sample(scratch: Scratch) -> None:
    scratch.extra["database"] = {"repository": "localhost:1/no-such/trivy-db:2"}
    scratch.service("web")
    scratch.commit()
    keys = Path(scratch.env["SEALIFT_KEYS_DIR"])
    assert scratch.sealift("build-all", "--no-push", "--no-scan").returncode == 0, "this makes the key pair"
    scratch.env |= {"SIGNING_KEY": f"file://{keys}/cosign.key", "SIGNING_PASSWORD": f"file://{keys}/cosign.password"}
    done = scratch.sealift("build-all", "--env", "staging")
    assert done.returncode == 6, done.stderr
    assert "cannot be had" in done.stderr
    assert scratch.registry.tags("web") == []
