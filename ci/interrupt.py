"""Ctrl-C and SIGTERM end a run in order: the work is cancelled and waited for, then the command ends."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

T = TypeVar("T")


class Interrupted(Exception):
    """The user, or the system, asked the command to end."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(signal.Signals(number).name)


async def interruptible(work: Callable[[], Awaitable[T]]) -> T:
    """Run the work; on SIGINT or SIGTERM cancel it, wait for it, and raise.

    :raises Interrupted: a signal came.
    """
    received: list[int] = []
    results: list[T] = []
    failures: list[Exception] = []

    async def listen(*, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                received.append(number)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        await group.start(listen)
        # A task group would wrap the failure; callers want it as it is.
        try:
            results.append(await work())
        except Exception as failure:
            failures.append(failure)
        group.cancel_scope.cancel()
    if results:
        return results[0]
    if received:
        raise Interrupted(received[0])
    raise failures[0]
