"""The same for each of many, at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

from pipelines.errors import SealiftError

S = TypeVar("S")
T = TypeVar("T")


async def each(items: Iterable[S], work: Callable[[S], Awaitable[T]]) -> list[T]:
    """The results of all, in order, worked on at the same time; the first error ends it."""
    results: dict[int, T] = {}

    async def one(number: int, item: S) -> None:
        results[number] = await work(item)

    try:
        async with anyio.create_task_group() as group:
            for number, item in enumerate(items):
                group.start_soon(one, number, item)
    except* SealiftError as failures:
        raise _first(failures) from None
    return [results[number] for number in sorted(results)]


def _first(group: BaseExceptionGroup[SealiftError]) -> SealiftError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
