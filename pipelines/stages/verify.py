"""Verify signatures and attestations with Cosign, by digest, in the quarantine or at the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import anyio
import dagger

from pipelines import tools
from pipelines.cosign import PUBLIC, ROOT, arguments, verb
from pipelines.errors import RegistryError
from pipelines.registry import connection
from pipelines.registry.answers import Meaning, meaning, remedy
from pipelines.registry.retry import retried
from pipelines.stages.failures import engine_error
from pipelines.stages.signer import objection
from pipelines.stages.toolbox import Toolbox, own_names
from pipelines.trust import Party, Trust

NOBODY: Final = "no identity that may sign it is in the configuration"

# Cosign prints every payload that it verified, whole SBOMs: through the engine's logs that took longer than verifying.
_VERIFIED: Final = "/verified.json"
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
    if trust.public is not None or len(parties) == 1:
        party = None if trust.public is not None else parties[0]
        return (await asked(toolbox, trust, party, references, kind=kind, outward=outward)).objection
    for reference in references:
        said: str | None = NOBODY
        for party in parties:
            said = (await asked(toolbox, trust, party, [reference], kind=kind, outward=outward)).objection
            if said is None:
                break
        if said is not None:
            return said
    return None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Cosign's, about all of some references.

    :param objection: None if all verify.
    """

    objection: str | None
    container: dagger.Container

    @property
    def payloads(self) -> dagger.File:
        """What verified: a DSSE envelope on each line."""
        return self.container.file(_VERIFIED)


@retried
async def asked(
    toolbox: Toolbox, trust: Trust, party: Party | None, references: Sequence[str], *, kind: str | None, outward: bool
) -> Answer:
    """Ask Cosign whether one party has said this of all of these references.

    :param party: None where a key counts.
    :raises RegistryError: the target did not show what was to be verified.
    """
    # Cosign waits for ever where the engine's way to a registry on the loopback loses that a connection ended.
    tool = toolbox.outward(tools.COSIGN) if outward else toolbox.asked(toolbox.tool(tools.COSIGN))
    container = _with_trust(tool, trust).with_exec(
        [*verb(trust, kind), *arguments(trust, party), f"--output-file={_VERIFIED}", *references],
        use_entrypoint=True,
        expect=dagger.ReturnType.ANY,
    )
    bound = connection.REQUEST_SECONDS + _VERIFY_SECONDS * len(references)
    try:
        await toolbox.fetched(tools.COSIGN)
        with anyio.fail_after(bound):
            if await container.exit_code() == 0:
                return Answer(objection=None, container=container)
            said = objection(await container.stderr())
    except TimeoutError as failure:
        what = f"{own_names(references[0])}: no final answer within {bound:.0f} s"
        raise RegistryError(what, remedy=remedy(what), step="verify") from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="verify") from failure
    if outward and (kind_of := meaning(said)) in _NOT_SHOWN:
        raise RegistryError(said, remedy=kind_of.value, step="verify")
    return Answer(objection=said, container=container)


def _with_trust(container: dagger.Container, trust: Trust) -> dagger.Container:
    if trust.public is not None:
        return container.with_new_file(PUBLIC, trust.public)
    return container if trust.root is None else container.with_new_file(ROOT, trust.root)
