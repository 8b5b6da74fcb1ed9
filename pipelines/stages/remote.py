"""Read what the target registry holds, and verify it there."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipelines.errors import RegistryError
from pipelines.model import Digest, Platform, Repository
from pipelines.registry.retry import retried
from pipelines.stages.regctl import ask
from pipelines.stages.toolbox import Toolbox


@retried
async def platforms(
    toolbox: Toolbox, repository: Repository, digest: Digest, *, service: str, insecure: bool
) -> Mapping[Platform, Digest]:
    """Platform → digest of its manifest, of an index at the target.

    :raises RegistryError: the registry has no such index, or does not answer.
    """
    args = ["manifest", "get", "--format", "raw-body", f"{toolbox.reach(repository)}@{digest}"]
    answer = await ask(toolbox, repository.registry, args, insecure=insecure, service=service, step="verify")
    try:
        index = json.loads(answer)
        return {
            Platform("/".join(filter(None, (entry["platform"]["os"], entry["platform"]["architecture"])))): Digest(
                entry["digest"]
            )
            for entry in index["manifests"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(
            f"{repository.at(digest)} is no index of platforms: {error!r}",
            remedy="Sealift publishes an index for every service; publish it again",
            service=service,
            step="verify",
        ) from error
