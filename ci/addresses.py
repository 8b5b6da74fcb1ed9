"""Secrets by their addresses: read once when a run begins, so that one that is not there costs no build."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import dagger

from pipelines.config import parse_secret_address
from pipelines.errors import ConfigError
from pipelines.stages.failures import message

INSIDE = "DAGGER_SESSION_PORT"
"""Set where a command is itself run by an engine, by the Dagger module or by `dagger run`."""


async def secret_at(client: dagger.Client, environ: Mapping[str, str], variable: str, address: str) -> dagger.Secret:
    """The secret at an address that a variable gives.

    :raises ConfigError: the text is no address, or nothing can be read there. A text that is no address is not
        repeated: it may be the secret itself.
    """
    try:
        parse_secret_address(address)
    except ValueError as error:
        raise ConfigError(f"{variable}: {error}", remedy=f"set {variable} to an address such as file://PATH") from None
    try:
        secret = _secret(client, environ, address)
        text = await secret.plaintext()
    except (dagger.QueryError, OSError, UnicodeDecodeError) as failure:
        raise ConfigError(
            f"{variable}: the secret at {address} cannot be read: {_why(failure)}",
            remedy=f"put it there, or set {variable} to where it is: file://PATH or env://NAME",
        ) from failure
    if not text and variable != "SIGNING_PASSWORD":
        raise ConfigError(
            f"{variable}: the secret at {address} is empty",
            remedy="put it there; in GitHub Actions a secret that is not set is empty: add it to the repository's"
            " secrets, or to those of the GitHub environment that the job names",
        )
    return secret


def own_name(name: str) -> str:
    """What the engine calls a secret of Sealift's own. No build secret has that name, which would make them one."""
    return f"sealift:{name}"


def _secret(client: dagger.Client, environ: Mapping[str, str], address: str) -> dagger.Secret:
    """The secret, not read yet.

    A variable that only `.env` has is not in the environment that Dagger looks into, and a command that runs inside
    the engine has files of its own.
    """
    scheme, _, name = address.partition("://")
    if scheme == "env" and name not in os.environ and name in environ:
        return client.set_secret(own_name(address), environ[name])
    if scheme == "file" and INSIDE in os.environ:
        return client.set_secret(own_name(address), Path(name).read_text(encoding="utf-8"))
    return client.address(address).secret()


def _why(failure: Exception) -> str:
    text = message(failure) if isinstance(failure, dagger.QueryError) else str(failure)
    return text.rpartition("desc = ")[2]
