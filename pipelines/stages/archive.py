"""An image of a registry as one OCI archive, by digest."""

from __future__ import annotations

import dagger

from pipelines import tools
from pipelines.errors import RegistryError
from pipelines.model import Digest, Platform, Target
from pipelines.registry.answers import remedy
from pipelines.registry.retry import retried_however_long
from pipelines.stages.failures import engine_error
from pipelines.stages.regctl import said
from pipelines.stages.toolbox import Toolbox

_FILE = "/sealift/image.tar"


@retried_however_long
async def archive(
    toolbox: Toolbox, target: Target, service: str, digest: Digest, *, platform: Platform | None, name: str
) -> dagger.File:
    """The archive: an OCI layout that container tools load as well, if it is of one platform.

    :param platform: only this one; None for the whole index.
    :param name: what a container tool calls it then.
    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    narrowed = ["--platform", platform] if platform else []
    command = ["image", "export", "--verbosity=error", f"--name={name}", *narrowed]
    command += [f"{toolbox.at(target, service)}@{digest}", _FILE]
    container = toolbox.regctl_outward(target).with_directory("/sealift", toolbox.client.directory())
    try:
        await toolbox.fetched(tools.REGCTL)
        return await container.with_exec(command, use_entrypoint=True).file(_FILE).sync()
    except dagger.ExecError as failure:
        what = f"{target.registry}: {said(failure)}"
        raise RegistryError(what, remedy=remedy(what), service=service, step="pull") from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, service=service, step="pull") from failure
