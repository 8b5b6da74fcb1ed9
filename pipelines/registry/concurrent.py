"""Many requests at once, none of which keeps the process from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import anyio

from pipelines.errors import SealiftError, SeveralErrors

S = TypeVar("S")
T = TypeVar("T")


class GivenUp(OSError):
    """Nobody waits for the answer any more."""


_thread = threading.local()


def still_wanted() -> None:
    """For work in a thread to ask before each thing that it does.

    :raises GivenUp: whoever began it has been told of a failure, and acts on that.
    """
    given_up: threading.Event | None = getattr(_thread, "given_up", None)
    if given_up is not None and given_up.is_set():
        raise GivenUp("given up")


async def in_thread(work: Callable[[], T], limit: anyio.CapacityLimiter, seconds: float) -> T:
    """What the work returns. Whoever is cancelled does not wait for it, and neither does the end of the process.

    :param seconds: how long it may take from when it begins.
    :raises TimeoutError: it took longer; it begins nothing new then, as `still_wanted` has it.
    """
    given_up = threading.Event()
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def end(result: T | None, failure: BaseException | None) -> None:
        if done.cancelled():
            return
        if failure is not None:
            done.set_exception(failure)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        _thread.given_up = given_up
        try:
            result = work()
        except BaseException as error:
            failure = error
        # The loop may be gone: then nobody waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(end, result, failure)

    async with limit:
        # A daemon: the threads of a pool are waited for at exit, for as long as a registry does not answer.
        threading.Thread(target=run, name="registry", daemon=True).start()
        try:
            with anyio.fail_after(seconds):
                return await done
        finally:
            given_up.set()


async def all_of(jobs: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """What all jobs give, in their order. The first failure cancels the others.

    :raises SealiftError: the only failure there was.
    :raises SeveralErrors: all of them, the first first.
    """
    jobs = list(jobs)
    results: dict[int, T] = {}
    failures: list[SealiftError] = []

    async def one(number: int) -> None:
        try:
            results[number] = await jobs[number]()
        except SealiftError as failure:
            failures.append(failure)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for number in range(len(jobs)):
            group.start_soon(one, number)
    if failures:
        raise failures[0] if len(failures) == 1 else SeveralErrors(failures)
    return [results[number] for number in range(len(jobs))]


async def each(items: Iterable[S], work: Callable[[S], Awaitable[T]]) -> list[T]:
    """What the work gives for each, in order.

    :raises SealiftError: the first failure.
    """
    try:
        return await all_of(partial(work, item) for item in items)
    except SeveralErrors as several:
        raise several.errors[0] from None
