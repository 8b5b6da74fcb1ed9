"""Who signs: a key pair, a key in a KMS, or an identity for which Fulcio makes a certificate. As Cosign is told it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import dagger

from pipelines import tools
from pipelines.errors import SigningError
from pipelines.stages.failures import engine_error
from pipelines.stages.toolbox import Toolbox, as_seen_by_tools, own_names
from pipelines.trust import Trust

_KEY: Final = "/run/sealift/cosign.key"
_TOKEN: Final = "/run/sealift/identity-token"  # noqa: S105 - a path
_CONFIG: Final = "/run/sealift/signing-config.json"

TokenSource = Callable[[], Awaitable[dagger.Secret]]
"""An identity token that is good for some minutes from now."""

_NO_LOG: Final = ("--use-signing-config=false", "--tlog-upload=false")


@dataclass(frozen=True, kw_only=True)
class Signer:
    """What Cosign signs with. Private keys, passwords and tokens stay Dagger secrets.

    :param trust: what its signatures are verified by.
    :param arguments: that tell Cosign what it signs with.
    :param files: path in Cosign's container → secret that is mounted there.
    :param variables: name → secret that is its value.
    :param plain: name → value that is no secret.
    :param documents: path → text that is no secret.
    :param token: for a signer that is an identity; asked for just before each signature.
    :param remote: signing asks services on the network, which may be away for a moment.
    :param workflow: URI of the workflow that it is the identity of, if it is one's of GitHub Actions.
    """

    trust: Trust
    arguments: tuple[str, ...]
    files: Mapping[str, dagger.Secret] = field(default_factory=dict)
    variables: Mapping[str, dagger.Secret] = field(default_factory=dict)
    plain: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    token: TokenSource | None = None
    remote: bool = False
    workflow: str | None = None

    async def tool(self, toolbox: Toolbox, *, outward: bool = False) -> dagger.Container:
        """Cosign's container with all of it.

        :param outward: what is signed is at a target, and not in the quarantine.
        """
        container = self._with_all(toolbox.signing_tool(tools.COSIGN, outward=outward))
        return container if self.token is None else container.with_mounted_secret(_TOKEN, await self.token())

    def _with_all(self, container: dagger.Container) -> dagger.Container:
        for path, secret in self.files.items():
            container = container.with_mounted_secret(path, secret)
        for name, secret in self.variables.items():
            container = container.with_secret_variable(name, secret)
        for name, value in self.plain.items():
            container = container.with_env_variable(name, value)
        for path, text in self.documents.items():
            container = container.with_new_file(path, text)
        return container


def key_signer(trust: Trust, key: dagger.Secret, password: dagger.Secret) -> Signer:
    """Signs with a Cosign key pair. There is no entry in a transparency log."""
    return Signer(
        trust=trust,
        arguments=(f"--key={_KEY}", *_NO_LOG),
        files={_KEY: key},
        variables={"COSIGN_PASSWORD": password},
    )


def kms_signer(
    trust: Trust,
    toolbox: Toolbox,
    reference: str,
    *,
    plain: Mapping[str, str],
    variables: Mapping[str, dagger.Secret],
    files: Mapping[str, dagger.Secret],
) -> Signer:
    """Signs with a key that stays in a KMS. There is no entry in a transparency log.

    :param plain: what the KMS's client reads from its environment and is no secret.
    :param variables: its credentials there.
    :param files: its credentials in files.
    """
    return Signer(
        trust=trust,
        arguments=(f"--key={as_seen_by_tools(reference, toolbox.signing)}", *_NO_LOG),
        plain={name: as_seen_by_tools(value, toolbox.signing) for name, value in plain.items()},
        variables=variables,
        files=files,
        remote=True,
    )


def keyless_signer(
    trust: Trust, toolbox: Toolbox, token: TokenSource, config: str | None, *, workflow: str | None = None
) -> Signer:
    """Signs as the identity of a token.

    :param config: the services to sign with, JSON; None: those of the public instance.
    :param workflow: as `Signer` has it.
    """
    documents = {} if config is None else {_CONFIG: as_seen_by_tools(config, toolbox.signing)}
    services = [f"--signing-config={_CONFIG}"] if documents else []
    if trust.legacy:
        # In the old format Cosign knows services by flags of their own only, and of logs the version 1 only.
        services = ["--use-signing-config=false"]
    return Signer(
        trust=trust,
        arguments=(f"--identity-token={_TOKEN}", *services),
        documents=documents,
        token=token,
        remote=True,
        workflow=workflow,
    )


async def public_key(signer: Signer, toolbox: Toolbox, *, origin: str) -> str:
    """The public half of the signer's key, PEM.

    :param origin: where the key was found, for messages.
    :raises SigningError: the key cannot be used: it is none, its password is wrong, or its KMS does not give it.
    """
    # The engine knows a secret by its name, not its value: without a value of its own, another key's could be answered.
    container = (await signer.tool(toolbox)).with_env_variable("SEALIFT_ASKED", uuid4().hex)
    try:
        return await container.with_exec(["public-key", signer.arguments[0]], use_entrypoint=True).stdout()
    except dagger.ExecError as failure:
        raise key_error(objection(failure.stderr), origin) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="key") from failure


KEY_REMEDY: Final = "run 'sealift keys' to see which key is used; a key in use elsewhere needs its own password"
_ANOTHER_KEY: Final = (
    "name the private half of a Cosign key pair: 'cosign generate-key-pair' makes one,"
    " 'cosign import-key-pair' makes one out of another private key"
)
_KMS: Final = (
    "check the key's address, the variables of its KMS (docs/security.md has them), and that this account may use it"
)


def key_error(said: str, origin: str) -> SigningError:
    """What is wrong with a key, told by what Cosign says of it (sigstore/pkg/cryptoutils and its `encrypted`)."""
    if "decryption failed" in said:
        return SigningError(
            f"the password does not open the private key at {origin}",
            remedy="set SIGNING_PASSWORD to the address of this key's own password; a line break at the end counts",
            step="key",
        )
    if "pem type" in said or "pem block" in said:
        return SigningError(f"what is at {origin} is no Cosign private key: {said}", remedy=_ANOTHER_KEY, step="key")
    kept_elsewhere = "://" in origin and not origin.startswith(("file://", "env://"))
    return SigningError(
        f"the private key at {origin} cannot be used: {said}", remedy=_KMS if kept_elsewhere else KEY_REMEDY, step="key"
    )


def objection(said: str) -> str:
    """Cosign's error, each line once: it repeats them for every signature that does not match.

    What it says before that is about the references that did verify.
    """
    _, marker, error = f"\n{said}".partition("\nError: ")
    lines = [line for line in dict.fromkeys((error if marker else said).splitlines()) if line]
    kept = [line for line in lines if not line.startswith(("WARNING:", "error during command"))]
    return own_names("\n    ".join(kept[:4])) or "cosign printed nothing"
