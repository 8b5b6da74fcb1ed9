"""What engine a run has; asked once in it."""

from __future__ import annotations

from pipelines.model import Platform
from pipelines.stages.toolbox import Toolbox


async def version(toolbox: Toolbox) -> str:
    """Such as `v0.21.8`."""
    return await toolbox.once("engine version", toolbox.client.version)


async def own_platform(toolbox: Toolbox) -> Platform:
    """That it runs on: `$BUILDPLATFORM` in Dockerfiles."""
    return Platform(await toolbox.once("platform", toolbox.client.default_platform))
