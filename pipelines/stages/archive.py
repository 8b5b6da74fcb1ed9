"""An image as one OCI archive: out of a registry by its digest, and into the quarantine again."""

from __future__ import annotations

import dagger

from pipelines import tools
from pipelines.errors import RegistryError, ToolError
from pipelines.model import Digest, Platform, Target, Unit
from pipelines.registry.answers import remedy
from pipelines.registry.retry import retried_however_long
from pipelines.stages.failures import engine_error
from pipelines.stages.regctl import said
from pipelines.stages.toolbox import QUARANTINE, Toolbox, run

_FILE = "/sealift/image.tar"


def file_name(unit: Unit) -> str:
    """What the archive of one platform's image is called."""
    return f"{unit.service}-{unit.platform.slug}.tar"


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


async def put(toolbox: Toolbox, unit: Unit, digest: Digest, file: dagger.File) -> None:
    """Put the image of an archive into the quarantine, and nothing else of it.

    The tag only keeps the manifest from being collected. The registry takes no blob of another digest than it is told.

    :raises ToolError: it is no archive, or of another image.
    """
    where = {"service": unit.service, "platform": unit.platform, "step": "import"}
    await toolbox.admitted()
    tag = f"given-{unit.platform.slug}"
    container = toolbox.asked(toolbox.regctl().with_mounted_file(_FILE, file))
    remedy = "bring the archive here once more as it was written, or build the image here"
    await run(
        container,
        ["image", "import", "--verbosity=error", f"{QUARANTINE}/{unit.service}:{tag}", _FILE],
        error=ToolError, remedy=remedy, **where,
    )  # fmt: skip
    there = await run(
        container, ["image", "digest", f"{QUARANTINE}/{unit.service}:{tag}"], error=ToolError, remedy=remedy, **where
    )
    if there.strip() != digest:
        raise ToolError(f"the archive has {there.strip()}, and its document says {digest}", remedy=remedy, **where)
