"""Who signs a run, and whose signatures count in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import anyio
import dagger

from ci import kms
from ci.addresses import own_name, secret_at
from ci.identity_claims import GIVEN
from ci.identity_token import Tokens, check_destination, has_identity
from ci.keys import KeyPair, ensure
from ci.local.paths import find_keys
from pipelines import tools
from pipelines.config import KMS_SCHEMES, Settings, SigningFiles, is_loopback, kms_problem, read_signing, trust_of
from pipelines.errors import ConfigError
from pipelines.graph import Observer, SignerSource, TrustSource
from pipelines.stages.signer import Signer, key_signer, keyless_signer, kms_signer, public_key
from pipelines.stages.toolbox import Toolbox
from pipelines.trust import Trust

_URL: Final = re.compile(r'"(https?://[^"]+)"')


def local_keys(environ: Mapping[str, str]) -> KeyPair:
    """Where the local environment's key pair is, or will be."""
    return KeyPair(folder=find_keys(environ))


def method_of(environ: Mapping[str, str], settings: Settings) -> str:
    """`key`, `kms` or `keyless`: what the configuration says, else what there is to sign with."""
    signing = settings.signing
    if signing.method is not None:
        return signing.method
    if key := environ.get("SIGNING_KEY") or signing.key:
        return "kms" if key.partition("://")[0] in KMS_SCHEMES else "key"
    if settings.rehearsal and not (signing.identities and has_identity(environ)):
        return "key"
    return "keyless"


def check_signable(environ: Mapping[str, str], settings: Settings, root: Path) -> None:
    """See that there is something to sign with, as far as that is known before anything is asked.

    :raises ConfigError: there is no key and no identity, where only the local environment has a key of its own; or a
        file that the configuration names cannot be used.
    """
    files = read_signing(root, settings.signing)
    method = method_of(environ, settings)
    where = f"for the environment {settings.environment!r}"
    if method == "kms" and (wrong := kms_problem(_kms_key(environ, settings))):
        raise ConfigError(f"the signing key {where}: {wrong}", remedy="set SIGNING_KEY, or 'signing.key'", step="key")
    if method == "key" and not environ.get("SIGNING_KEY") and not settings.rehearsal:
        raise ConfigError(
            f"no signing key {where}",
            remedy="set SIGNING_KEY and SIGNING_PASSWORD to addresses such as file://PATH or env://NAME;"
            " to verify, SIGNING_PUBLIC_KEY is enough",
            step="key",
        )
    if method == "keyless" and not settings.signing.identities:
        raise ConfigError(
            f"no signing key {where}, and no identity whose signatures count",
            remedy="name who signs in 'signing.identities' of sealift.yaml (keyless), or set SIGNING_KEY and"
            " SIGNING_PASSWORD to addresses such as file://PATH or env://NAME; docs/security.md has both",
            step="key",
        )
    if method == "keyless" and not has_identity(environ):
        raise ConfigError(
            f"no identity to sign with {where}",
            remedy="in GitHub Actions give the job 'permissions: id-token: write'; elsewhere let"
            f" {GIVEN} say where an identity token is found (file://PATH or env://NAME)",
            step="key",
        )
    if method == "keyless":
        check_destination(environ, files.config)


def loopback_places(environ: Mapping[str, str], settings: Settings, root: Path) -> list[str]:
    """`host:port` of every service on this machine's loopback that images are signed with."""
    config = read_signing(root, settings.signing).config or ""
    urls = [*_URL.findall(config), _kms_key(environ, settings), *kms.addresses(environ)]
    hosts = (urlsplit(url).netloc.rpartition("@")[2] for url in urls)
    return [host for host in dict.fromkeys(hosts) if host and is_loopback(host)]


def signer_source(
    toolbox: Toolbox, environ: Mapping[str, str], settings: Settings, root: Path, observer: Observer
) -> SignerSource:
    """Finds the signer when it is first asked for, and once."""
    lock, found = anyio.Lock(), list[Signer]()

    async def source() -> Signer:
        async with lock:
            if not found:
                found.append(await _signer(toolbox, environ, settings, root, observer))
        return found[0]

    return source


def trust_source(
    client: dagger.Client, environ: Mapping[str, str], settings: Settings, root: Path, signer: SignerSource
) -> TrustSource:
    """Finds whose signatures count: SIGNING_PUBLIC_KEY's, those of the identities, else of the signer's own key."""

    async def source() -> Trust:
        signing = settings.signing
        address = environ.get("SIGNING_PUBLIC_KEY")
        if address and signing.method != "keyless":
            secret = await secret_at(client, environ, "SIGNING_PUBLIC_KEY", address)
            return trust_of(signing, SigningFiles(), await secret.plaintext())
        if method_of(environ, settings) == "keyless":
            return identities_trusted(settings, read_signing(root, signing))
        return (await signer()).trust

    return source


def identities_trusted(settings: Settings, files: SigningFiles) -> Trust:
    """:raises ConfigError: nobody's signature counts."""
    if not settings.signing.identities:
        raise ConfigError(
            f"nobody's signature counts in the environment {settings.environment!r}",
            remedy="name who signs in 'signing.identities' of sealift.yaml, or set SIGNING_PUBLIC_KEY",
            step="key",
        )
    return trust_of(settings.signing, files)


async def _signer(
    toolbox: Toolbox, environ: Mapping[str, str], settings: Settings, root: Path, observer: Observer
) -> Signer:
    check_signable(environ, settings, root)
    method = method_of(environ, settings)
    if method == "keyless":
        files = read_signing(root, settings.signing)
        tokens = Tokens(client=toolbox.client, environ=environ, settings=settings)
        await tokens()
        trust = identities_trusted(settings, files)
        return keyless_signer(trust, toolbox, tokens, files.config, workflow=tokens.workflow)
    nobody = trust_of(settings.signing, SigningFiles(), "")
    if method == "kms":
        origin = _kms_key(environ, settings)
        made = kms_signer(
            nobody,
            toolbox,
            origin,
            plain=kms.plain_of(environ),
            variables=kms.secrets_of(toolbox.client, environ),
            files=kms.files_of(toolbox.client, environ),
        )
    else:
        made, origin = await _pair(toolbox, environ, nobody, observer)
    public = await public_key(made, toolbox, origin=origin)
    return replace(made, trust=replace(nobody, public=public))


def _kms_key(environ: Mapping[str, str], settings: Settings) -> str:
    return environ.get("SIGNING_KEY") or settings.signing.key or ""


async def _pair(toolbox: Toolbox, environ: Mapping[str, str], trust: Trust, observer: Observer) -> tuple[Signer, str]:
    """The key that the variables name; else, for the local environment, the user's own pair. And where it is."""
    client = toolbox.client
    key, password = environ.get("SIGNING_KEY"), environ.get("SIGNING_PASSWORD")
    if not key:
        pair = local_keys(environ)
        if await ensure(client, pair, cosign=toolbox.image(tools.COSIGN)):
            observer.say(f"Made a signing key pair for the local environment: {pair.folder}")
        key, password = f"file://{pair.private}", f"file://{pair.password}"
    secret = await secret_at(client, environ, "SIGNING_KEY", key)
    secret_password = (
        await secret_at(client, environ, "SIGNING_PASSWORD", password)
        if password
        else client.set_secret(own_name("no-password"), "")
    )
    return key_signer(trust, secret, secret_password), key
