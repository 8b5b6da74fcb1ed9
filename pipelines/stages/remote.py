"""Read what the target registry holds, and verify it there."""

from __future__ import annotations

import json
from collections.abc import Mapping

import dagger

from pipelines.errors import RegistryError
from pipelines.model import Digest, Platform, Repository
from pipelines.stages.toolbox import Toolbox, engine_error, last_words


async def platforms(
    toolbox: Toolbox, repository: Repository, digest: Digest, *, service: str, insecure: bool
) -> Mapping[Platform, Digest]:
    """Platform → digest of its manifest, of an index at the target.

    :raises RegistryError: the registry has no such index.
    """
    hosts = (toolbox.reach_host(repository.registry),) if insecure else ()
    container = toolbox.outward(toolbox.regctl(insecure=hosts)).with_exec(
        ["manifest", "get", "--format", "raw-body", f"{toolbox.reach(repository)}@{digest}"], use_entrypoint=True
    )
    try:
        index = json.loads(await container.stdout())
        return {
            Platform("/".join(filter(None, (entry["platform"]["os"], entry["platform"]["architecture"])))): Digest(
                entry["digest"]
            )
            for entry in index["manifests"]
        }
    except dagger.ExecError as failure:
        raise RegistryError(
            last_words(failure), remedy="check the tag and the registry", service=service, step="verify"
        ) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, service=service, step="verify") from failure
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(
            f"{repository.at(digest)} is no index of platforms: {error!r}",
            remedy="Sealift publishes an index for every service; publish it again",
            service=service,
            step="verify",
        ) from error
