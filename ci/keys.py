"""The key pair of the local environment: made on first use, in the user's own configuration folder."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import dagger

from ci.addresses import own_name
from pipelines import tools
from pipelines.errors import SigningError


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Paths of a Cosign key pair and of the private key's password, each readable by its owner only."""

    folder: Path

    @property
    def private(self) -> Path:
        return self.folder / "cosign.key"

    @property
    def public(self) -> Path:
        return self.folder / "cosign.pub"

    @property
    def password(self) -> Path:
        return self.folder / "cosign.password"

    @property
    def complete(self) -> bool:
        """Whether all three files are there."""
        return all(path.is_file() for path in (self.private, self.public, self.password))


def _write(path: Path, text: str, mode: int) -> None:
    """Write a new file that nobody else may read, at no moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _keep(pair: KeyPair, private: str, public: str, password: str) -> bool:
    """Put the pair in place as a whole, by one rename; False if another run was first, whose pair then stays."""
    pair.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = KeyPair(folder=Path(tempfile.mkdtemp(prefix=f".{pair.folder.name}.", dir=pair.folder.parent)))
    try:
        _write(draft.password, password, 0o600)
        _write(draft.public, public, 0o644)
        _write(draft.private, private, 0o600)
        draft.folder.rename(pair.folder)
    except OSError:
        shutil.rmtree(draft.folder, ignore_errors=True)
        if pair.complete:
            return False
        raise
    return True


async def _generated(client: dagger.Client, password: str, cosign: str) -> tuple[str, str]:
    """A new key pair, made by Cosign in the engine: the private key, encrypted, and the public key."""
    container = (
        client.container()
        .from_(cosign)
        .with_user("0:0")
        .with_directory("/keys", client.directory())
        .with_workdir("/keys")
        .with_secret_variable("COSIGN_PASSWORD", client.set_secret(own_name("local-key-password"), password))
        .with_env_variable("SEALIFT_RUN", secrets.token_hex(8))
        .with_exec(["generate-key-pair"], use_entrypoint=True)
    )
    return await container.file("/keys/cosign.key").contents(), await container.file("/keys/cosign.pub").contents()


async def ensure(client: dagger.Client, pair: KeyPair, *, cosign: str = tools.COSIGN.image) -> bool:
    """Make the key pair if it is not there; whether it was made.

    The engine sees the private key only as Cosign encrypts it; the password stays a secret.

    :raises SigningError: some of the files are there and some are not, or the folder cannot be written.
    """
    if pair.complete:
        return False
    if pair.folder.exists() and any(pair.folder.iterdir()):
        raise SigningError(
            f"{pair.folder} is there, but it does not hold a whole key pair with its password",
            remedy="put back what is missing, or move the folder away to let a new pair be made",
            step="key",
        )
    password = secrets.token_urlsafe(32)
    private, public = await _generated(client, password, cosign)
    try:
        return _keep(pair, private, public, password)
    except OSError as error:
        raise SigningError(
            f"the key pair cannot be written: {error}",
            remedy="make the folder writable, or name another one with SEALIFT_KEYS_DIR",
            step="key",
        ) from error
