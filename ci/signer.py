"""The key pair that a run signs with."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import dagger

from ci.addresses import secret_at
from ci.keys import KeyPair, ensure
from ci.local.paths import find_keys
from pipelines.config import Settings
from pipelines.errors import ConfigError
from pipelines.graph import Observer, PublicSource, SignerSource
from pipelines.stages.sign import Signer, public_key


def local_keys(environ: Mapping[str, str]) -> KeyPair:
    """Where the local environment's key pair is, or will be."""
    return KeyPair(folder=find_keys(environ))


def check_signable(environ: Mapping[str, str], settings: Settings) -> None:
    """See that there is something to sign with, as far as that is known before anything is asked.

    :raises ConfigError: no key is named, where only the local environment has one of its own.
    """
    if not environ.get("SIGNING_KEY") and not settings.rehearsal:
        raise ConfigError(
            f"no signing key for the environment {settings.environment!r}",
            remedy="set SIGNING_KEY and SIGNING_PASSWORD to addresses such as file://PATH or env://NAME;"
            " to verify, SIGNING_PUBLIC_KEY is enough",
            step="key",
        )


def signer_source(
    client: dagger.Client, environ: Mapping[str, str], settings: Settings, observer: Observer
) -> SignerSource:
    """Finds the signer when it is first asked for, and once."""
    lock, found = anyio.Lock(), list[Signer]()

    async def source() -> Signer:
        async with lock:
            if not found:
                found.append(await _signer(client, environ, settings, observer))
        return found[0]

    return source


def public_source(client: dagger.Client, environ: Mapping[str, str], signer: SignerSource) -> PublicSource:
    """Finds the public key: the one that SIGNING_PUBLIC_KEY names, else that of the key pair that would sign."""

    async def source() -> str:
        address = environ.get("SIGNING_PUBLIC_KEY")
        if not address:
            return (await signer()).public
        return await (await secret_at(client, environ, "SIGNING_PUBLIC_KEY", address)).plaintext()

    return source


async def _signer(client: dagger.Client, environ: Mapping[str, str], settings: Settings, observer: Observer) -> Signer:
    """The key that the variables name; else, for the local environment, the user's own pair."""
    check_signable(environ, settings)
    key, password = environ.get("SIGNING_KEY"), environ.get("SIGNING_PASSWORD")
    if not key:
        pair = local_keys(environ)
        if await ensure(client, pair):
            observer.say(f"Made a signing key pair for the local environment: {pair.folder}")
        key, password = f"file://{pair.private}", f"file://{pair.password}"
    secret = await secret_at(client, environ, "SIGNING_KEY", key)
    secret_password = (
        await secret_at(client, environ, "SIGNING_PASSWORD", password)
        if password
        else client.set_secret("no-password", "")
    )
    public = await public_key(client, secret, secret_password, origin=key)
    return Signer(key=secret, password=secret_password, public=public)
