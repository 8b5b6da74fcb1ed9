"""Advisory databases that are missing, stale, broken or guarded: nothing is judged by them, and no sample stands in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from pipelines.stages import database
from tests.faults.advisory_artifacts import packed, served
from tests.faults.outcomes import let_go, published, refused
from tests.faults.relay import Answer, Asked, Cut, Fault, Relay, relay
from tests.faults.small import Small, without_pauses
from tests.scratch import REGISTRY


@pytest.fixture
def folder(advisories: Path, tmp_path: Path) -> Path:
    """A sound database of today, to be broken."""
    return Path(shutil.copytree(advisories.parent, tmp_path / "advisories"))


# The environment allows the sample, and so has a way out that must not be taken.
def use(repository: Small, registry: str, name: str) -> None:
    """Let the repository use this database from now on."""
    repository.extra["database"] = {"repository": f"{registry}/{name}"}
    repository.commit()


def broken(repository: Small, archive: Path) -> str:
    """What a run says with the broken archive."""
    use(repository, REGISTRY, served(repository.registry, archive))
    said = refused(repository, 6)
    assert "error: database: the advisory database" in said
    assert "SAMPLE" not in said
    return said


def mended(repository: Small, folder: Path) -> None:
    """The next run, when the registry serves a sound one, publishes."""
    served(repository.registry, packed(folder))
    published(repository)
    assert repository.record()["database"]["sample"] is False


def cut_in_half(folder: Path) -> None:
    path = folder / "trivy.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwritten(folder: Path) -> None:
    (folder / "trivy.db").write_bytes(b"these are no advisories\n" * 4096)


def change_metadata(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "metadata.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def old(folder: Path) -> None:
    change_metadata(UpdatedAt=(datetime.now(UTC) - timedelta(hours=80)).strftime("%Y-%m-%dT%H:%M:%SZ"))(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_in_half, "cannot be read: panic"),
        (overwritten, "invalid database"),
        (change_metadata(Version=1), "metadata is not readable: ValueError('version 1')"),
        (old, "80 hours old; at most 48 are allowed"),
    ],
    ids=["half of it", "not one at all", "another version", "stale"],
)
def test_a_broken_database(
    repository: Small, folder: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    bad = Path(shutil.copytree(folder, tmp_path / "bad"))
    damage(bad)
    assert message in broken(repository, packed(bad))
    if damage in (cut_in_half, old):
        mended(repository, folder)


def test_a_database_without_metadata(repository: Small, folder: Path, tmp_path: Path) -> None:
    bad = Path(shutil.copytree(folder, tmp_path / "bad"))
    assert "metadata" in broken(repository, packed(bad, ["trivy.db"]))


def test_an_archive_that_is_none(repository: Small, folder: Path, tmp_path: Path) -> None:
    bad = Path(shutil.copytree(folder, tmp_path / "bad"))
    archive = packed(bad)
    archive.write_bytes(b"\x1f\x8b" + b"no archive" * 1000)
    assert "gzip" in broken(repository, archive)


def test_an_archive_that_ends_too_early(repository: Small, folder: Path, tmp_path: Path) -> None:
    bad = Path(shutil.copytree(folder, tmp_path / "bad"))
    archive = packed(bad)
    archive.write_bytes(archive.read_bytes()[:2000])
    assert "EOF" in broken(repository, archive)


def test_a_database_that_knows_nothing(repository: Small, folder: Path, tmp_path: Path) -> None:
    """A file as whole as any, in which Trivy finds nothing about any package."""
    bad = Path(shutil.copytree(folder, tmp_path / "bad"))
    path = bad / "trivy.db"
    # The bucket's name, "pip::GitHub Security Advisory pip", becomes one that nobody asks for.
    path.write_bytes(path.read_bytes().replace(b"pip::", b"pop::"))
    assert "does not have CVE-2023-32681" in broken(repository, packed(bad))


def test_a_database_that_is_missing(repository: Small, folder: Path) -> None:
    """A registry that answers that it has none is not one that cannot be reached."""
    name = f"{repository.registry.prefix}trivy-db:2"
    use(repository, REGISTRY, name)
    said = refused(repository, 6)
    assert f"the advisory database {REGISTRY}/{name} cannot be had" in said
    assert "http 404" in said
    assert "database.repository" in said
    assert "SAMPLE" not in said
    served(repository.registry, packed(folder))
    published(repository)


def test_only_a_registry_out_of_reach_leads_to_the_sample(repository: Small) -> None:
    use(repository, "localhost:1", "trivy-db:2")
    assert "SAMPLE" in published(repository)
    assert repository.record()["database"]["sample"] is True


def of_database(asked: Asked) -> bool:
    return "trivy-db" in asked.path


def behind(repository: Small, folder: Path, server: Relay) -> tuple[str, ...]:
    """Let the database and the images go through the relay; the flags that say so."""
    use(repository, server.address, served(repository.registry, packed(folder)))
    return "--registry", server.address


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Answer(status=429, headers={"Retry-After": "1"}), "http 429"),
        (Answer(status=503), "http 503"),
        (Answer(status=403), "http 403"),
    ],
    ids=["429", "503", "403"],
)
def test_a_database_answered_with(repository: Small, folder: Path, fault: Answer, message: str) -> None:
    repository.prepared.append(without_pauses)
    with relay(lambda asked: fault if of_database(asked) else None) as server:
        flags = behind(repository, folder, server)
        said = refused(repository, 6, *flags)
        assert f"error: database: the advisory database {server.address}/" in said
        assert message in said
        assert "SAMPLE" not in said
        let_go(server)
        if fault.status == 429:
            server.rule = lambda _: None
            published(repository, *flags)


def test_a_database_answered_with_429_for_a_while(repository: Small, folder: Path) -> None:
    asked_for: dict[str, int] = {}

    def rule(asked: Asked) -> Fault:
        path = asked.path
        asked_for[path] = asked_for.get(path, 0) + 1
        return Answer(status=429, headers={"Retry-After": "1"}) if of_database(asked) and asked_for[path] == 1 else None

    with relay(rule) as server:
        said = published(repository, *behind(repository, folder, server))
        assert len(server.faults) >= 2, "the reference and what it names were refused"
    assert "SAMPLE" not in said
    assert repository.record()["database"]["sample"] is False


def without_patience() -> None:
    """The bound of the download, ten minutes, is shortened."""
    mock.patch.object(database, "DOWNLOAD_SECONDS", 10).start()


def test_a_download_that_is_cut(repository: Small, folder: Path) -> None:
    repository.prepared += [without_pauses, without_patience]
    with relay(lambda asked: Cut() if of_database(asked) and "/blobs/" in asked.path else None) as server:
        flags = behind(repository, folder, server)
        said = refused(repository, 6, *flags)
        assert "error: database: the advisory database" in said
        assert "no final answer within 10 s" in said
        assert "SAMPLE" not in said
