"""The bound on how much runs at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Slots:
    """At most so many stages at once; those that share their work take one slot between them.

    The builds of one service's platforms share every step that runs on the build platform: the engine runs it once,
    while all of them wait for it. With a slot each, half of the slots would be held by waiting.
    """

    def __init__(self, count: int) -> None:
        self._limiter = anyio.CapacityLimiter(count)
        self._users: Counter[str] = Counter()
        self._first: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    @asynccontextmanager
    async def taken(self, shared: str | None = None) -> AsyncIterator[None]:
        """Wait for a slot, and hold it for the block.

        :param shared: whoever names the same is let in with the first and holds the slot until the last has left.
        """
        if shared is None:
            async with self._limiter:
                yield
            return
        async with self._first[shared]:
            if not self._users[shared]:
                await self._limiter.acquire_on_behalf_of(shared)
            self._users[shared] += 1
        try:
            yield
        finally:
            self._users[shared] -= 1
            if not self._users[shared]:
                self._limiter.release_on_behalf_of(shared)
