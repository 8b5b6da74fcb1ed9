"""Whose signatures count, for commands that need no engine otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ci.front import Ground
from ci.run import on_engine
from ci.session import Call
from ci.signer import check_signable, identities_trusted, local_keys, method_of
from pipelines.config import Flags, Settings, SigningFiles, read_signing, trust_of
from pipelines.errors import ConfigError
from pipelines.graph import Session
from pipelines.telemetry import Recorder
from pipelines.trust import Trust

_FILE: Final = "file://"


def trusted(root: Path, environ: Mapping[str, str], project: str, settings: Settings) -> Trust:
    """As `sealift verify` finds it. Only a key that is in no file and no variable, and a private one, need the engine.

    :raises ConfigError: nobody's signatures count, or what they are checked with cannot be read.
    :raises SigningError: the private key cannot be opened.
    """
    signing, address = settings.signing, environ.get("SIGNING_PUBLIC_KEY")
    method = method_of(environ, settings)
    if address and signing.method != "keyless":
        if address.startswith((_FILE, "env://")):
            return _checked(trust_of(signing, SigningFiles(), _read(environ, address)), address)
    elif method == "keyless":
        return identities_trusted(settings, read_signing(root, signing))
    else:
        pair = local_keys(environ)
        if method == "key" and not environ.get("SIGNING_KEY") and settings.rehearsal and pair.public.is_file():
            public = _read(environ, f"{_FILE}{pair.public}")
            return _checked(trust_of(signing, SigningFiles(), public), str(pair.public))
        check_signable(environ, settings, root)

    def ground(_: Mapping[str, str], __: Recorder) -> Ground:
        return Ground(project=project, settings=settings, targets=(), about="render")

    async def work(session: Session, _: Call, __: Ground) -> Trust:
        return await session.trust()

    found = on_engine("render", root, Flags(env=settings.environment), ground, work)
    return _checked(found, address or "SIGNING_KEY")


def _read(environ: Mapping[str, str], address: str) -> str:
    scheme, _, place = address.partition("://")
    try:
        return environ[place] if scheme == "env" else Path(place).expanduser().read_text(encoding="utf-8")
    except (KeyError, OSError, UnicodeDecodeError) as error:
        why = "it is not set" if isinstance(error, KeyError) else str(error)
        raise ConfigError(
            f"SIGNING_PUBLIC_KEY: the key at {address} cannot be read: {why}",
            remedy="put it there, or set SIGNING_PUBLIC_KEY to where it is: file://PATH or env://NAME",
            step="key",
        ) from error


def _checked(trust: Trust, address: str) -> Trust:
    """:raises ConfigError: it is no public key; what is there is not repeated, it may be a private one."""
    if "-----BEGIN PUBLIC KEY-----" not in (trust.public or "") or "PRIVATE" in (trust.public or ""):
        raise ConfigError(
            f"what is at {address} is no public key in PEM",
            remedy="name the public half: 'cosign public-key --key KEY' prints it, of a key in a KMS too",
            step="key",
        )
    return trust
