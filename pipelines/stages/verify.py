"""Verify signatures and attestations with Cosign, by digest, in the quarantine or at the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio
import dagger

from pipelines import tools
from pipelines.errors import RegistryError
from pipelines.registry import connection
from pipelines.registry.answers import Meaning, meaning, remedy
from pipelines.registry.retry import retried
from pipelines.stages.failures import engine_error
from pipelines.stages.signer import objection
from pipelines.stages.toolbox import Toolbox, own_names
from pipelines.trust import SIGNATURE, Party, Trust

NOBODY: Final = "no identity that may sign it is in the configuration"

_PUBLIC: Final = "/run/sealift/cosign.pub"
_ROOT: Final = "/run/sealift/trusted-root.json"
# Cosign prints every payload that it verified, whole SBOMs: through the engine's logs that took longer than verifying.
_PAYLOADS: Final = "--output-file=/verified.json"
_VERIFY_SECONDS = 20
"""What a reference adds to the bound of a request: Cosign looks at one after the other, and of each at everything that
is attached to it, whatever it is asked for. With an SBOM of 80 MB that took it 10 s of a processor.
"""

# Objections that say nothing about the image: the registry did not show it.
_NOT_SHOWN = {Meaning.UNREACHABLE, Meaning.BUSY, Meaning.UNAUTHORIZED, Meaning.FORBIDDEN, Meaning.NO_REGISTRY}


async def verifies(
    toolbox: Toolbox,
    trust: Trust,
    parties: Sequence[Party],
    references: Sequence[str],
    *,
    kind: str | None = None,
    outward: bool = False,
) -> str | None:
    """Verify signatures, or attestations of one kind, of all references at once; None, or what Cosign objects to.

    :param parties: who may have signed them; none where a key counts.
    :param outward: the references are at the target, not in the quarantine.
    :raises RegistryError: the target did not show what was to be verified.
    """
    if trust.public is not None:
        return await _asked(toolbox, trust, None, references, kind=kind, outward=outward)
    if len(parties) == 1:
        return await _asked(toolbox, trust, parties[0], references, kind=kind, outward=outward)
    for reference in references:
        said: str | None = NOBODY
        for party in parties:
            said = await _asked(toolbox, trust, party, [reference], kind=kind, outward=outward)
            if said is None:
                break
        if said is not None:
            return said
    return None


@retried
async def _asked(
    toolbox: Toolbox, trust: Trust, party: Party | None, references: Sequence[str], *, kind: str | None, outward: bool
) -> str | None:
    """Cosign waits for ever where the engine's way to a registry on the loopback loses that a connection ended."""
    tool = toolbox.outward(tools.COSIGN) if outward else toolbox.asked(toolbox.tool(tools.COSIGN))
    container = _with_trust(tool, trust).with_exec(
        [*_verb(trust, kind), *arguments(trust, party), _PAYLOADS, *references],
        use_entrypoint=True,
        expect=dagger.ReturnType.ANY,
    )
    bound = connection.REQUEST_SECONDS + _VERIFY_SECONDS * len(references)
    try:
        await toolbox.fetched(tools.COSIGN)
        with anyio.fail_after(bound):
            if await container.exit_code() == 0:
                return None
            said = objection(await container.stderr())
    except TimeoutError as failure:
        what = f"{own_names(references[0])}: no final answer within {bound:.0f} s"
        raise RegistryError(what, remedy=remedy(what), step="verify") from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="verify") from failure
    if outward and (kind_of := meaning(said)) in _NOT_SHOWN:
        raise RegistryError(said, remedy=kind_of.value, step="verify")
    return said


def _verb(trust: Trust, kind: str | None) -> list[str]:
    if kind is None and trust.legacy:
        return ["verify"]
    return ["verify-attestation", f"--type={kind or SIGNATURE}"]


def _with_trust(container: dagger.Container, trust: Trust) -> dagger.Container:
    if trust.public is not None:
        return container.with_new_file(_PUBLIC, trust.public)
    return container if trust.root is None else container.with_new_file(_ROOT, trust.root)


def arguments(trust: Trust, party: Party | None, *, public: str = _PUBLIC, root: str = _ROOT) -> list[str]:
    """How Cosign is told whose signatures count.

    :param party: who may have signed; None where a key counts.
    :param public: path of the public key.
    :param root: path of the trusted root.
    """
    form = f"--new-bundle-format={'false' if trust.legacy else 'true'}"
    common = [form, "--allow-http-registry"]
    if party is None:
        return [f"--key={public}", "--insecure-ignore-tlog=true", *common]
    if party.pattern is None and len(party.subjects) == 1:
        who = f"--certificate-identity={party.subjects[0]}"
    else:
        who = f"--certificate-identity-regexp={party.expression}"
    return [
        who,
        f"--certificate-oidc-issuer={party.issuer}",
        *([f"--trusted-root={root}"] if trust.root is not None else []),
        *([] if trust.certificates_logged else ["--insecure-ignore-sct"]),
        *common,
    ]
