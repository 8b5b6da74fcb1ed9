"""The identity token that keyless signing begins with: given, or asked for from GitHub Actions just before signing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio
import dagger
import jwt

from ci.addresses import own_name, secret_at
from ci.identity import REQUEST_TOKEN, REQUEST_URL, job_token
from pipelines.config import Settings, is_loopback
from pipelines.config.values import split
from pipelines.errors import ConfigError, SigningError, shown
from pipelines.stages.signer import TokenSource

GIVEN, SIGSTORE = "SIGNING_TOKEN", "SIGSTORE_ID_TOKEN"
AUDIENCE = "sigstore"
"""Whom the token is for: what Fulcio asks of every issuer (sigstore/fulcio, docs/oidc.md)."""

ALLOW_FULCIO, PUBLIC_FULCIO = "SEALIFT_ALLOW_FULCIO", "https://fulcio.sigstore.dev"
"""The variable by which the machine allows other certificate authorities than the public one."""

_LEFT_SECONDS = 90
"""What a token must still live for, to be used once more: signing is tried again for that long."""


def has_identity(environ: Mapping[str, str]) -> bool:
    """Whether there is a token, or somebody who gives one."""
    asked = environ.get(REQUEST_URL) and environ.get(REQUEST_TOKEN)
    return bool(environ.get(GIVEN) or environ.get(SIGSTORE) or asked)


def token_source(client: dagger.Client, environ: Mapping[str, str], settings: Settings) -> TokenSource:
    """Gives a token that lives for some time yet; GitHub's live for five minutes, so each is used for a part of that.

    What it says is checked when it is first asked for: before anything is built.
    """
    lock, held = anyio.Lock(), dict[str, Any]()

    async def source() -> dagger.Secret:
        async with lock:
            if not held or held["until"] - time.time() < _LEFT_SECONDS:
                text = await _token(client, environ)
                claims = claims_of(text)
                check_claims(claims, settings, now=time.time())
                number = held.get("number", 0) + 1
                secret = client.set_secret(own_name(f"identity-token-{number}"), text)
                held.update(secret=secret, until=float(claims["exp"]), number=number)
        secret_now: dagger.Secret = held["secret"]
        return secret_now

    return source


def check_destination(environ: Mapping[str, str], config: str | None) -> None:
    """See that a token goes where whoever has it sends it, and not where a file of the repository does.

    Until it expires, whoever has it can sign as this run, at the public Sigstore too.

    :param config: the signing config, JSON; None for that of the public Sigstore.
    :raises ConfigError: with every authority that is not the public one, not on this machine and not allowed.
    """
    urls = dict.fromkeys(str(service.get("url")) for service in json.loads(config or "{}").get("caUrls") or ())
    allowed = {url.rstrip("/") for url in (PUBLIC_FULCIO, *split(environ.get(ALLOW_FULCIO, "")))}
    strangers = [url for url in urls if url.rstrip("/") not in allowed and not is_loopback(_host(url))]
    if strangers:
        raise ConfigError(
            f"the identity token would go to {', '.join(map(shown, strangers))}, which the configuration names and this"
            " machine has not allowed; whoever has it can sign as this run",
            remedy=f"if that is your certificate authority, set {ALLOW_FULCIO}={','.join(strangers)},"
            " in the environment or .env",
            step="key",
        )


def _host(url: str) -> str:
    """`host[:port]`, without a user's name, which may look like a host."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def _token(client: dagger.Client, environ: Mapping[str, str]) -> str:
    if address := environ.get(GIVEN):
        return (await (await secret_at(client, environ, GIVEN, address)).plaintext()).strip()
    if given := environ.get(SIGSTORE):
        return given.strip()
    return await anyio.to_thread.run_sync(job_token, environ, AUDIENCE)


def claims_of(token: str) -> Mapping[str, Any]:
    """What a token says. Nobody is believed for it: Fulcio checks its signature.

    :raises SigningError: it is no identity token. The message does not repeat it.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token, options={"verify_signature": False, "verify_aud": False, "verify_exp": False}
        )
        return {"exp": 0, **claims, "iss": str(claims["iss"])}
    except (jwt.PyJWTError, LookupError) as error:
        raise SigningError(
            f"what is given as an identity token is none: {type(error).__name__}",
            remedy=f"let {GIVEN} say where a token of OpenID Connect is found (file://PATH or env://NAME)",
            step="key",
        ) from None


def check_claims(claims: Mapping[str, Any], settings: Settings, *, now: float) -> None:
    """See that what is signed with this token can be verified afterwards, and that it may be said in public.

    :raises ConfigError: the identity is not one of those that count, or its repository is private and nobody has agreed
        to its name in a public log.
    :raises SigningError: the token has expired.
    """
    if float(claims["exp"]) <= now:
        raise SigningError(
            f"the identity token has expired {now - float(claims['exp']):.0f} s ago",
            remedy="ask for a new one just before signing; in GitHub Actions leave that to Sealift, and set no token",
            step="key",
        )
    signing = settings.signing
    issuers = sorted({item.issuer for item in signing.identities})
    if claims["iss"] not in issuers:
        raise ConfigError(
            f"this run would sign as somebody whom {claims['iss']} vouches for, and nobody could verify it:"
            f" 'signing.identities' has only the issuer {', '.join(issuers)}",
            remedy="name its issuer and subject in 'signing.identities' of sealift.yaml",
            step="key",
        )
    visibility = claims.get("repository_visibility")
    if not signing.own_services and visibility not in (None, "public") and not signing.public_log:
        raise ConfigError(
            f"{claims.get('repository', 'the repository')} is {visibility}, and its name, its workflow's name and the"
            " digests of its images would become public for ever: the public transparency log keeps every signature",
            remedy="say 'public_log: true' in 'signing' of sealift.yaml, or name an instance of your own there"
            " (fulcio, rekor, timestamp, trusted_root)",
            step="key",
        )
