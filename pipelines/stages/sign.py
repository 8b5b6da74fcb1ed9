"""Sign and attest with Cosign, by digest, in the quarantine.

The bundle format is set, not inherited: Sigstore bundles, stored as referrers, unless the verifiers know only the old
one. With a key there is no transparency log; whoever signs as an identity is in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import dagger

from pipelines.errors import SigningError
from pipelines.predicates import SCAN
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.retry import retried
from pipelines.stages.failures import engine_error
from pipelines.stages.signer import KEY_REMEDY, Signer, objection
from pipelines.stages.toolbox import Toolbox

_PREDICATE: Final = "/predicate.json"
_TYPES: Final = {SCAN.kind: SCAN.uri}
"""By its own name of the vulnerability predicate, Cosign keeps some fields of the document only (sigstore/cosign,
pkg/cosign/attestation, `generateVulnStatement`); by the type's URI it keeps all.
"""

_AWAY: Final = (Meaning.UNREACHABLE, Meaning.BUSY)
_IDENTITY_REMEDY: Final = (
    "the message names the service that refused: Fulcio (the certificate), Rekor (the log) or the timestamp authority;"
    " docs/security.md says what each asks for"
)
_AWAY_REMEDY: Final = "nothing has left the machine; run the command again when the service answers"


def _common(signer: Signer) -> tuple[str, ...]:
    form = "false" if signer.trust.legacy else "true"
    return (*signer.arguments, f"--new-bundle-format={form}", "--yes", "--allow-http-registry")


@retried
async def sign(toolbox: Toolbox, signer: Signer, references: Sequence[str], *, service: str) -> None:
    """Sign each reference by digest.

    :raises SigningError: Cosign failed, or a service stayed away for the whole budget.
    """
    container = await signer.tool(toolbox)
    await _cosign(signer, container, ["sign", *_common(signer), *references], service=service, step="sign")


@retried
async def attest(
    toolbox: Toolbox,
    signer: Signer,
    reference: str,
    kind: str,
    document: dagger.File | str,
    *,
    outward: bool = False,
    **where: str,
) -> None:
    """Attest a document to one manifest.

    :param kind: a key of `predicates.PREDICATES`.
    :param document: JSON; a text, or what a tool has written.
    :param outward: the manifest is at a target, and not in the quarantine.
    :param where: the service, and the platform if the manifest is one's.
    :raises SigningError: as `sign`.
    """
    container = await signer.tool(toolbox, outward=outward)
    if isinstance(document, str):
        container = container.with_new_file(_PREDICATE, document)
    else:
        container = container.with_mounted_file(_PREDICATE, document)
    args = ["attest", f"--type={_TYPES.get(kind, kind)}", f"--predicate={_PREDICATE}", *_common(signer), reference]
    await _cosign(signer, container, args, **where, step=f"attest {kind}")


async def _cosign(signer: Signer, container: dagger.Container, args: list[str], **where: str) -> None:
    try:
        await container.with_exec(args, use_entrypoint=True).sync()
    except dagger.ExecError as failure:
        said = objection(failure.stderr)
        what = f"'{args[0]}' ended with exit code {failure.exit_code}: {said}"
        error = SigningError(what, remedy=_IDENTITY_REMEDY if signer.token else KEY_REMEDY, **where)
        if signer.remote and meaning(said) in _AWAY:
            error.passing, error.remedy = True, _AWAY_REMEDY
        raise error from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, **where) from failure
