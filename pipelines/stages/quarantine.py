"""What the quarantine holds. Only the engine reaches it, so each question is a container."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.errors import RegistryError
from pipelines.model import Digest
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.retry import retried
from pipelines.stages.regctl import ask
from pipelines.stages.toolbox import QUARANTINED, Toolbox, quarantined


@retried
async def holds(toolbox: Toolbox, service: str, digest: Digest) -> bool:
    """Whether there is a manifest of that digest.

    :raises RegistryError: it does not answer.
    """
    return await _asked(toolbox, service, ["manifest", "head", quarantined(service, digest)]) is not None


@retried
async def tags(toolbox: Toolbox, service: str) -> Sequence[str]:
    """Every tag of a service; none if it has nothing of it.

    :raises RegistryError: it does not answer.
    """
    return (await _asked(toolbox, service, ["tag", "ls", toolbox.at(QUARANTINED, service)]) or "").split()


async def _asked(toolbox: Toolbox, service: str, args: list[str]) -> str | None:
    """What regctl prints; None if there is no such thing."""
    try:
        return await ask(toolbox, QUARANTINED, args, service=service, step="quarantine")
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return None
        raise
