"""Signing keys that are missing, of another kind, locked, or not the one that signed before. All are made here."""

from __future__ import annotations

import base64
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.outcomes import nothing_left, published, refused
from tests.faults.small import Small
from tests.scratch import REGISTRY, run

OPTIONS = ("--no-scan",)


@pytest.fixture
def pair(repository: Small) -> Path:
    """The folder of the key pair with which all tests sign: Cosign's, beside its password."""
    folder = Path(repository.env["SEALIFT_KEYS_DIR"])
    return folder if folder.exists() else make_pair(repository, folder)


def make_pair(small: Small, folder: Path) -> Path:
    folder.mkdir()
    password = secrets.token_hex(12)
    done = run(["cosign", "generate-key-pair"], cwd=folder, env={**small.env, "COSIGN_PASSWORD": password})
    assert done.returncode == 0, done.stderr
    (folder / "cosign.password").write_text(password)
    return folder


def use(small: Small, folder: Path) -> None:
    """Sign with the pair in the folder from now on."""
    small.env |= {
        "SIGNING_KEY": f"file://{folder / 'cosign.key'}",
        "SIGNING_PASSWORD": f"file://{folder / 'cosign.password'}",
    }


def openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def rsa(_: Path) -> bytes:
    return openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


def ssh(_: Path) -> bytes:
    """The outline of an SSH key: its frame, the magic word, and nothing that could be a key."""
    kind = "OPENSSH PRIVATE" + " KEY"
    body = base64.encodebytes(b"openssh-key-v1\0" + bytes(200)).decode()
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n".encode()


def public(pair: Path) -> bytes:
    return (pair / "cosign.pub").read_bytes()


def half(pair: Path) -> bytes:
    whole = (pair / "cosign.key").read_bytes()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (rsa, "unsupported pem type: PRIVATE KEY"),
        (ssh, "unsupported pem type: OPENSSH PRIVATE KEY"),
        (public, "unsupported pem type: PUBLIC KEY"),
        (half, "invalid pem block"),
    ],
    ids=["RSA", "SSH", "the public half", "half a file"],
)
def test_a_key_of_another_kind(
    repository: Small, pair: Path, tmp_path: Path, make: Callable[[Path], bytes], found: str
) -> None:
    use(repository, pair)
    (tmp_path / "other.key").write_bytes(make(pair))
    repository.env["SIGNING_KEY"] = f"file://{tmp_path / 'other.key'}"
    said = refused(repository, 10, *OPTIONS)
    assert f"error: key: what is at file://{tmp_path / 'other.key'} is no Cosign private key: {found}" in said
    assert "cosign generate-key-pair" in said
    assert " build " not in said, "it is said before anything is built"


def test_a_key_with_a_wrong_password_and_then_the_right_one(repository: Small, pair: Path) -> None:
    use(repository, pair)
    repository.env |= {"SIGNING_PASSWORD": "env://THE_PASSWORD", "THE_PASSWORD": "wrong-and-never-shown"}
    said = refused(repository, 10, *OPTIONS)
    assert f"the password does not open the private key at file://{pair / 'cosign.key'}" in said
    assert "SIGNING_PASSWORD" in said
    assert "wrong-and-never-shown" not in said
    repository.env["THE_PASSWORD"] = (pair / "cosign.password").read_text()
    published(repository, *OPTIONS)


def test_a_key_without_its_password(repository: Small, pair: Path) -> None:
    use(repository, pair)
    del repository.env["SIGNING_PASSWORD"]
    assert "SIGNING_PASSWORD" in refused(repository, 10, *OPTIONS)


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("SIGNING_KEY", "file:///no/such/file"),
        ("SIGNING_KEY", "env://NO_SUCH_VARIABLE"),
        ("SIGNING_KEY", "file:///"),
        ("SIGNING_PASSWORD", "file:///no/such/file"),
    ],
    ids=["no file", "no variable", "a folder", "no file for the password"],
)
def test_a_key_that_is_missing(repository: Small, pair: Path, variable: str, address: str) -> None:
    use(repository, pair)
    usual = repository.env[variable]
    repository.env[variable] = address
    said = refused(repository, 3, *OPTIONS)
    assert f"error: {variable}: the secret at {address} cannot be read: " in said
    assert f"set {variable} to where it is" in said
    if (variable, address) == ("SIGNING_KEY", "file:///no/such/file"):
        repository.env[variable] = usual
        published(repository, *OPTIONS)


@pytest.mark.parametrize("variable", ["SIGNING_KEY", "SIGNING_PASSWORD"])
def test_a_secret_in_the_place_of_its_address_is_not_shown(repository: Small, pair: Path, variable: str) -> None:
    use(repository, pair)
    repository.env[variable] = "hunter2-never-shown"
    said = refused(repository, 3, *OPTIONS)
    assert f"error: {variable}: expected where the secret is found, not the secret" in said
    assert "hunter2" not in said


def test_a_secret_that_github_was_not_given(repository: Small) -> None:
    """A workflow gets the empty string for it."""
    repository.env |= {"SIGNING_KEY": "env://COSIGN_KEY", "SIGNING_PASSWORD": "env://COSIGN_PASSWORD"}
    repository.env |= {"COSIGN_KEY": "", "COSIGN_PASSWORD": ""}
    said = refused(repository, 3, "--no-scan")
    assert "SIGNING_KEY: the secret at env://COSIGN_KEY is empty" in said
    assert "add it to the repository's secrets" in said


def test_the_format_for_verifiers_that_do_not_know_bundles(repository: Small, pair: Path) -> None:
    use(repository, pair)
    repository.extra["signing"] = {"format": "legacy"}
    # Another commit of the service, and so an image of its own.
    (repository.root / "services/web/legacy").touch()
    repository.commit()
    published(repository, *OPTIONS)
    assert repository.sealift("verify").returncode == 0
    image = f"{REGISTRY}/{repository.registry.prefix}web@{repository.registry.digest('web', 'dev')}"
    options = [f"--key={pair / 'cosign.pub'}", "--insecure-ignore-tlog=true", "--new-bundle-format=false", image]
    done = run(["cosign", "verify", *options], env=repository.env)
    assert done.returncode == 0, done.stderr
    listed = repository.registry.regctl("tag", "ls", image.partition("@")[0]).stdout
    assert f"{image.rpartition('@')[2].replace(':', '-')}.sig" in listed
    # There is nothing of it in the new format: who asks for that is not content.
    repository.extra["signing"] = {"format": "bundle"}
    repository.commit()
    assert repository.sealift("verify").returncode == 10
    (repository.root / "services/web/legacy").unlink()


def test_no_key_where_a_release_leaves(repository: Small) -> None:
    said = refused(repository, 3, "--env", "staging")
    assert "no signing key for the environment 'staging'" in said
    assert "SIGNING_KEY" in said


def test_a_local_pair_of_which_a_part_is_missing(repository: Small, pair: Path, tmp_path: Path) -> None:
    keys = Path(shutil.copytree(pair, tmp_path / "keys"))
    repository.env["SEALIFT_KEYS_DIR"] = str(keys)
    (keys / "cosign.password").rename(tmp_path / "kept")
    said = refused(repository, 10, *OPTIONS)
    assert f"key: {keys} is there, but it does not hold a whole key pair with its password" in said
    assert "put back what is missing" in said
    (tmp_path / "kept").rename(keys / "cosign.password")
    published(repository, *OPTIONS)


def test_a_key_that_is_not_the_one_that_signed(repository: Small, tmp_path: Path) -> None:
    published(repository, *OPTIONS)
    use(repository, make_pair(repository, tmp_path / "other"))
    done = repository.sealift("verify")
    assert done.returncode == 10, done.stderr
    assert "verify: " in done.stderr
    assert ":dev: signature: " in done.stderr
    assert "it was not signed with this key" in done.stderr
    nothing_left(repository)
    # Signed with the new key too, the image verifies with either.
    published(repository, *OPTIONS)
    for variables in ({}, {"SIGNING_KEY": "", "SIGNING_PASSWORD": ""}):
        repository.env |= variables
        done = repository.sealift("verify")
        assert done.returncode == 0, done.stderr
