"""Sign, attest and verify with Cosign, by digest, in the quarantine or at the target.

The bundle format is set, not inherited: Sigstore bundles, stored as referrers. With a key there is no transparency log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import dagger

from pipelines import tools
from pipelines.errors import SigningError
from pipelines.stages.sbom import CYCLONEDX, SPDX
from pipelines.stages.toolbox import Toolbox, engine_error, run

_KEY = "/run/sealift/cosign.key"
_PUBLIC = "/run/sealift/cosign.pub"
_HTTP = "--allow-http-registry"
_LOCAL = ("--new-bundle-format=true", "--use-signing-config=false", "--tlog-upload=false", "--yes", _HTTP)

PREDICATES = {"spdxjson": SPDX, "cyclonedx": CYCLONEDX}
"""Cosign's name of a predicate type → the document that is attested."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A Cosign key pair. `public` is PEM text; the private key and its password stay Dagger secrets."""

    key: dagger.Secret
    password: dagger.Secret
    public: str


async def public_key(client: dagger.Client, key: dagger.Secret, password: dagger.Secret) -> str:
    """The public half of a private key, PEM.

    :raises SigningError: the key is no Cosign key, or the password is wrong.
    """
    container = client.container().from_(tools.COSIGN.image).with_user("0:0")
    # The engine knows a secret by its name, not its value: without this, another key's public half could be answered.
    container = _with_key(container, key, password).with_env_variable("SEALIFT_ASKED", uuid4().hex)
    return await run(container, ["public-key", f"--key={_KEY}"], error=SigningError, step="key", remedy=KEY_REMEDY)


KEY_REMEDY = "run 'sealift keys' to see which key is used; a key in use elsewhere needs its own password"


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
    """Cosign's errors, each line once: it repeats them for every signature that does not match."""
    lines = [line.removeprefix("Error: ") for line in said.splitlines() if not line.startswith("WARNING:")]
    errors = [line for line in dict.fromkeys(lines) if line and not line.startswith("error during command")]
    return "\n    ".join(errors[:4]) or "cosign printed nothing"


async def verifies(
    toolbox: Toolbox, public: str, references: Sequence[str], *, kind: str | None = None, outward: bool = False
) -> str | None:
    """Verify signatures, or attestations of one kind, of all references at once; None, or what Cosign objects to.

    :param outward: the references are at the target, not in the quarantine.
    """
    container = _cosign(toolbox).with_new_file(_PUBLIC, public)
    if outward:
        container = toolbox.outward(container)
    command = ["verify"] if kind is None else ["verify-attestation", f"--type={kind}"]
    container = container.with_exec(
        [*command, f"--key={_PUBLIC}", "--insecure-ignore-tlog=true", _HTTP, *references],
        use_entrypoint=True,
        expect=dagger.ReturnType.ANY,
    )
    try:
        if await container.exit_code() == 0:
            return None
        return _objection(await container.stderr())
    except dagger.QueryError as failure:
        raise engine_error(failure, step="verify") from failure
