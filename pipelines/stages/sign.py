"""Sign, attest and verify with Cosign, by digest, in the quarantine or at the target.

The bundle format is set, not inherited: Sigstore bundles, stored as referrers. With a key there is no transparency log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import anyio
import dagger

from pipelines import tools
from pipelines.errors import RegistryError, SigningError
from pipelines.registry import connection
from pipelines.registry.answers import Meaning, meaning, remedy
from pipelines.registry.retry import retried
from pipelines.stages.failures import engine_error
from pipelines.stages.sbom import CYCLONEDX, SPDX
from pipelines.stages.toolbox import Toolbox, own_names, run

_KEY = "/run/sealift/cosign.key"
_PUBLIC = "/run/sealift/cosign.pub"
_HTTP = "--allow-http-registry"
# Cosign prints every payload that it verified, whole SBOMs: through the engine's logs that took longer than verifying.
_PAYLOADS = "--output-file=/verified.json"
_LOCAL = ("--new-bundle-format=true", "--use-signing-config=false", "--tlog-upload=false", "--yes", _HTTP)

PREDICATES = {"spdxjson": SPDX, "cyclonedx": CYCLONEDX}
"""Cosign's name of a predicate type → the document that is attested."""

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
"""The predicate type of what `cosign sign` says of a digest (sigstore/cosign, pkg/types, `CosignSignPredicateType`).

It is asked for as such: in the bundle format, `cosign verify` is content with any statement that the key has signed,
and so with an image whose SBOM is attested, but which nobody has signed.
"""

_VERIFY_SECONDS = 5
"""What a reference adds to the bound of a request: Cosign looks at one after the other."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A Cosign key pair. `public` is PEM text; the private key and its password stay Dagger secrets."""

    key: dagger.Secret
    password: dagger.Secret
    public: str


async def public_key(client: dagger.Client, key: dagger.Secret, password: dagger.Secret, *, origin: str) -> str:
    """The public half of a private key, PEM.

    :param origin: where the key was found, for messages.
    :raises SigningError: the key is no Cosign key, or the password is wrong.
    """
    container = client.container().from_(tools.COSIGN.image).with_user("0:0")
    # The engine knows a secret by its name, not its value: without this, another key's public half could be answered.
    container = _with_key(container, key, password).with_env_variable("SEALIFT_ASKED", uuid4().hex)
    try:
        return await container.with_exec(["public-key", f"--key={_KEY}"], use_entrypoint=True).stdout()
    except dagger.ExecError as failure:
        raise key_error(_objection(failure.stderr), origin) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="key") from failure


KEY_REMEDY = "run 'sealift keys' to see which key is used; a key in use elsewhere needs its own password"
_ANOTHER_KEY = (
    "name the private half of a Cosign key pair: 'cosign generate-key-pair' makes one,"
    " 'cosign import-key-pair' makes one out of another private key"
)


def key_error(objection: str, origin: str) -> SigningError:
    """What is wrong with a key, told by what Cosign says of it (sigstore/pkg/cryptoutils and its `encrypted`)."""
    if "decryption failed" in objection:
        return SigningError(
            f"the password does not open the private key at {origin}",
            remedy="set SIGNING_PASSWORD to the address of this key's own password; a line break at the end counts",
            step="key",
        )
    if "pem type" in objection or "pem block" in objection:
        return SigningError(
            f"what is at {origin} is no Cosign private key: {objection}", remedy=_ANOTHER_KEY, step="key"
        )
    return SigningError(f"the private key at {origin} cannot be used: {objection}", remedy=KEY_REMEDY, step="key")


def _with_key(container: dagger.Container, key: dagger.Secret, password: dagger.Secret) -> dagger.Container:
    return container.with_mounted_secret(_KEY, key).with_secret_variable("COSIGN_PASSWORD", password)


def _cosign(toolbox: Toolbox) -> dagger.Container:
    return toolbox.asked(toolbox.tool(tools.COSIGN))


async def sign(toolbox: Toolbox, signer: Signer, references: Sequence[str], *, service: str) -> None:
    """Sign each reference by digest.

    :raises SigningError: Cosign failed.
    """
    container = _with_key(_cosign(toolbox), signer.key, signer.password)
    await run(
        container,
        ["sign", f"--key={_KEY}", *_LOCAL, *references],
        error=SigningError,
        remedy=KEY_REMEDY,
        service=service,
        step="sign",
    )


async def attest(
    toolbox: Toolbox, signer: Signer, reference: str, kind: str, document: dagger.File, *, service: str, platform: str
) -> None:
    """Attest a document to one platform's manifest.

    :param kind: a key of `PREDICATES`.
    :raises SigningError: Cosign failed.
    """
    container = _with_key(_cosign(toolbox), signer.key, signer.password).with_mounted_file("/predicate.json", document)
    await run(
        container,
        ["attest", f"--key={_KEY}", f"--type={kind}", "--predicate=/predicate.json", *_LOCAL, reference],
        error=SigningError,
        remedy=KEY_REMEDY,
        service=service,
        platform=platform,
        step=f"attest {kind}",
    )


def _objection(said: str) -> str:
    """Cosign's error, each line once: it repeats them for every signature that does not match.

    What it says before that is about the references that did verify.
    """
    _, marker, error = f"\n{said}".partition("\nError: ")
    lines = [line for line in dict.fromkeys((error if marker else said).splitlines()) if line]
    kept = [line for line in lines if not line.startswith(("WARNING:", "error during command"))]
    return own_names("\n    ".join(kept[:4])) or "cosign printed nothing"


# Objections that say nothing about the image: the registry did not show it.
_NOT_SHOWN = {Meaning.UNREACHABLE, Meaning.BUSY, Meaning.UNAUTHORIZED, Meaning.FORBIDDEN, Meaning.NO_REGISTRY}


@retried
async def verifies(
    toolbox: Toolbox, public: str, references: Sequence[str], *, kind: str | None = None, outward: bool = False
) -> str | None:
    """Verify signatures, or attestations of one kind, of all references at once; None, or what Cosign objects to.

    Cosign waits for ever where the engine's way to a registry on the loopback loses that a connection ended.

    :param outward: the references are at the target, not in the quarantine.
    :raises RegistryError: the target did not show what was to be verified.
    """
    container = (toolbox.outward(tools.COSIGN) if outward else _cosign(toolbox)).with_new_file(_PUBLIC, public)
    flags = [f"--type={kind or SIGNATURE}", f"--key={_PUBLIC}", "--insecure-ignore-tlog=true", _HTTP, _PAYLOADS]
    container = container.with_exec(
        ["verify-attestation", *flags, *references], use_entrypoint=True, expect=dagger.ReturnType.ANY
    )
    bound = connection.REQUEST_SECONDS + _VERIFY_SECONDS * len(references)
    try:
        await toolbox.fetched(tools.COSIGN)
        with anyio.fail_after(bound):
            if await container.exit_code() == 0:
                return None
            objection = _objection(await container.stderr())
    except TimeoutError as failure:
        what = f"{own_names(references[0])}: no final answer within {bound:.0f} s"
        raise RegistryError(what, remedy=remedy(what), step="verify") from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="verify") from failure
    if outward and (kind_of := meaning(objection)) in _NOT_SHOWN:
        raise RegistryError(objection, remedy=kind_of.value, step="verify")
    return objection
