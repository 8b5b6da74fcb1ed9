from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from pipelines.graph.slots import Slots

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(10)]


async def inside(slots: Slots, names: Sequence[str | None]) -> list[list[int]]:
    """Which of the stages are let in, each time after all of those that were let in before have left."""
    here: list[int] = []
    leave = anyio.Event()

    async def stage(number: int, name: str | None) -> None:
        async with slots.taken(name):
            here.append(number)
            await leave.wait()

    rounds: list[list[int]] = []
    async with anyio.create_task_group() as group:
        for number, name in enumerate(names):
            group.start_soon(stage, number, name)
        while sum(map(len, rounds)) < len(names):
            await anyio.wait_all_tasks_blocked()
            rounds.append(sorted(here))
            here.clear()
            leave.set()
            leave = anyio.Event()
    return rounds


async def test_no_more_stages_than_slots() -> None:
    assert await inside(Slots(2), [None] * 5) == [[0, 1], [2, 3], [4]]


async def test_stages_that_share_a_slot_are_let_in_with_the_first() -> None:
    assert await inside(Slots(2), ["a", "a", "b", "b", "c", "c"]) == [[0, 1, 2, 3], [4, 5]]


async def test_a_stage_that_is_cancelled_leaves_its_slot_to_the_next() -> None:
    slots = Slots(1)
    async with anyio.create_task_group() as group:

        async def stage(name: str | None) -> None:
            async with slots.taken(name):
                await anyio.sleep_forever()

        for name in ("a", "a", "b", None):
            group.start_soon(stage, name)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert await inside(slots, ["a", "b"]) == [[0], [1]]
