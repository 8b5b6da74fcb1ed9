"""The quarantine's life within a run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import dagger

from pipelines.stages.toolbox import ENGINE_FAILURES, Toolbox, engine_error

_STOP_SECONDS = 20


@asynccontextmanager
async def held(toolbox: Toolbox) -> AsyncIterator[None]:
    """Keep the quarantine running for as long as the block does, however it ends."""
    quarantine = toolbox.quarantine
    try:
        await quarantine.start()
    except dagger.QueryError as failure:
        raise engine_error(failure, step="quarantine") from failure
    try:
        yield
    finally:
        # On an interrupt the session may be gone already, and its services with it.
        with anyio.move_on_after(_STOP_SECONDS, shield=True), suppress(*ENGINE_FAILURES, OSError):
            await quarantine.stop(kill=True)
