"""The quarantine's life within a run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import dagger

from pipelines.stages.failures import ENGINE_FAILURES, engine_error, lost
from pipelines.stages.toolbox import Toolbox

_STOP_SECONDS = 20


@asynccontextmanager
async def held(toolbox: Toolbox) -> AsyncIterator[None]:
    """End the quarantine with the block, however that ends; `start` is for its first part, beside what needs it.

    Whoever binds it starts it too, and it would end with the last of them: between two stages, that is.
    """
    try:
        yield
    finally:
        # On an interrupt the session may be gone already, and its services with it.
        with anyio.move_on_after(_STOP_SECONDS, shield=True), suppress(*ENGINE_FAILURES, OSError):
            await toolbox.quarantine.stop(kill=True)


async def start(toolbox: Toolbox) -> None:
    """Start the quarantine, if nobody has.

    :raises EngineError: it does not start.
    """
    try:
        await toolbox.quarantine.start()
    except dagger.QueryError as failure:
        raise engine_error(failure, step="quarantine") from failure
    except ENGINE_FAILURES as failure:
        raise lost(failure, step="quarantine") from failure
