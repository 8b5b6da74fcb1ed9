"""Structured concurrency: bounded, and honest about failures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio

from pipelines.errors import SealiftError, SeveralErrors
from pipelines.stages.failures import ENGINE_FAILURES, lost

Job = Callable[[], Awaitable[None]]


async def together(jobs: Iterable[Job]) -> None:
    """Run all jobs at once. The first failure cancels the others; all are waited for, and every failure is reported.

    :raises SealiftError: the only failure there was.
    :raises SeveralErrors: all of them, the first first.
    """
    failures: list[SealiftError] = []

    async def guarded(job: Job) -> None:
        try:
            await job()
        except SealiftError as failure:
            failures.append(failure)
            group.cancel_scope.cancel()
        except ENGINE_FAILURES as failure:
            failures.append(lost(failure))
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for job in jobs:
            group.start_soon(guarded, job)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise SeveralErrors(failures)
