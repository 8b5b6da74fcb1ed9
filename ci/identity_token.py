"""The identity token that keyless signing begins with: given, or asked for from GitHub Actions just before signing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio
import dagger

from ci.addresses import own_name, secret_at
from ci.identity import REQUEST_TOKEN, REQUEST_URL, job_token
from ci.identity_claims import GIVEN, check_claims, claims_of, workflow_of
from pipelines.config import Settings, is_loopback
from pipelines.config.values import split
from pipelines.errors import ConfigError, shown

SIGSTORE = "SIGSTORE_ID_TOKEN"
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


@dataclass(kw_only=True)
class Tokens:
    """Gives a token that lives for some time yet; GitHub's live for five minutes, so each is used for a part of that.

    What it says is checked when it is first asked for: before anything is built.

    :ivar workflow: URI of the workflow whose job has been given the last one, where it is GitHub's.
    """

    client: dagger.Client
    environ: Mapping[str, str]
    settings: Settings
    workflow: str | None = field(default=None, init=False)
    _lock: anyio.Lock = field(default_factory=anyio.Lock, init=False)
    _secret: dagger.Secret | None = field(default=None, init=False)
    _until: float = field(default=0, init=False)
    _number: int = field(default=0, init=False)

    async def __call__(self) -> dagger.Secret:
        async with self._lock:
            if self._secret is None or self._until - time.time() < _LEFT_SECONDS:
                text = await _token(self.client, self.environ)
                claims = claims_of(text)
                check_claims(claims, self.settings, now=time.time())
                self.workflow = workflow_of(claims, self.environ)
                self._number += 1
                self._secret = self.client.set_secret(own_name(f"identity-token-{self._number}"), text)
                self._until = float(claims["exp"])
            return self._secret


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
