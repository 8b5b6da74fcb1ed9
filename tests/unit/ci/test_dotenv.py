from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from ci.dotenv import lacking, wanted, write_dotenv
from ci.keys import KeyPair

REGISTRY = "localhost:5000"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that Sealift builds."""
    folder = tmp_path / "repo"
    folder.mkdir()
    for name in ("sealift.yaml", "dagger.json"):
        (folder / name).write_text("", encoding="utf-8")
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return KeyPair(folder=tmp_path / "keys")


def test_a_repository_without_it_gets_one(root: Path, pair: KeyPair) -> None:
    assert write_dotenv(root, REGISTRY, pair) == [
        "wrote .env, which tells 'dagger call' where the registry and the signing key are"
    ]
    assert dict(dotenv_values(root / ".env")) == {
        "ci_registryService": "tcp://localhost:5000",
        "ci_signingKey": f"file://{pair.folder}/cosign.key",
        "ci_signingPassword": f"file://{pair.folder}/cosign.password",
    }
    assert lacking(root, REGISTRY, pair) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_read_it(root: Path, pair: KeyPair, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_dotenv(root, REGISTRY, pair)
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", ["ci_registryService", "ci_signingKey", "ci_signingPassword"]),
        ("# mine\nOTHER=1", ["ci_registryService", "ci_signingKey", "ci_signingPassword"]),
        ("ci_signingKey=env://MINE\n", ["ci_registryService", "ci_signingPassword"]),
        ("export ci_signingKey='x'\nci_registryService=\nci_signingPassword=y\n", []),
        ("this is = no (env file\n", ["ci_registryService", "ci_signingKey", "ci_signingPassword"]),
    ],
)
def test_an_existing_one_is_never_changed(root: Path, pair: KeyPair, text: str, missing: list[str]) -> None:
    path = root / ".env"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    before = path.stat()
    assert write_dotenv(root, REGISTRY, pair) == []
    after = path.stat()
    assert path.read_text(encoding="utf-8") == text
    assert (after.st_mode, after.st_mtime_ns, after.st_ino) == (before.st_mode, before.st_mtime_ns, before.st_ino)
    assert lacking(root, REGISTRY, pair) == [f"{name}={wanted(REGISTRY, pair)[name]}" for name in missing]


def test_it_is_written_once(root: Path, pair: KeyPair) -> None:
    write_dotenv(root, REGISTRY, pair)
    before = (root / ".env").read_bytes()
    assert write_dotenv(root, "localhost:6000", KeyPair(folder=root)) == []
    assert (root / ".env").read_bytes() == before


def test_a_link_is_not_written_through(root: Path, pair: KeyPair, tmp_path: Path) -> None:
    (root / ".env").symlink_to(tmp_path / "elsewhere")
    assert write_dotenv(root, REGISTRY, pair) == []
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("missing", ["sealift.yaml", "dagger.json"])
def test_other_folders_are_left_alone(root: Path, pair: KeyPair, missing: str) -> None:
    (root / missing).unlink()
    assert write_dotenv(root, REGISTRY, pair) == []
    assert not (root / ".env").exists()


def test_a_folder_without_a_module_lacks_nothing(root: Path, pair: KeyPair) -> None:
    assert len(lacking(root, REGISTRY, pair)) == 3
    (root / "dagger.json").unlink()
    assert lacking(root, REGISTRY, pair) == []


def test_a_folder_that_cannot_be_written_is_no_failure(
    root: Path, pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    (told,) = write_dotenv(root, REGISTRY, pair)
    assert told == ".env cannot be written (Permission denied); 'dagger call' then needs its flags"
