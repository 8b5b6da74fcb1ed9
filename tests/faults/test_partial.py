"""One part of a release fails: a platform of two, a service of six. Nothing of it leaves the machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.outcomes import refused
from tests.faults.small import Small

PER_PLATFORM = "FROM scratch\nARG TARGETARCH\nCOPY server-$TARGETARCH.py /server.py\nUSER 1001:1001\n"
ONE_FILE = "FROM scratch\nCOPY {} /file\nUSER 1001:1001\n"

Add = Callable[[str, str, str], None]


@pytest.fixture
def add(repository: Small) -> Iterator[Add]:
    """Adds a service to the smallest release: its name, Dockerfile, and the name of its one file."""
    before, made = repository.services, list[Path]()

    def add(name: str, dockerfile: str, file: str) -> None:
        folder = repository.root / "services" / name
        folder.mkdir()
        made.append(folder)
        (folder / "Dockerfile").write_text(dockerfile)
        (folder / file).write_text(name)
        repository.services = {**repository.services, name: {"size_budget": "100MB", "boot": None}}

    shutil.rmtree(repository.root / "dist", ignore_errors=True)
    yield add
    repository.services = before
    for folder in made:
        shutil.rmtree(folder)


def test_one_of_two_platforms_fails(repository: Small, add: Add) -> None:
    add("halves", PER_PLATFORM, "server-amd64.py")
    repository.services["halves"]["platforms"] = ["linux/amd64", "linux/arm64"]
    repository.commit()
    said = refused(repository, 8, "--no-scan")
    assert "halves linux/arm64 build: " in said
    assert "halves linux/amd64 build: " not in said
    assert not (repository.root / "dist/release.json").exists()


def test_one_of_six_services_fails(repository: Small, add: Add) -> None:
    for number in range(5):
        add(f"part{number}", ONE_FILE.format("missing" if number == 3 else "file"), "file")
    repository.commit()
    said = refused(repository, 8, "--no-scan")
    assert "part3 linux/amd64 build: " in said
    assert not (repository.root / "dist/release.json").exists()
