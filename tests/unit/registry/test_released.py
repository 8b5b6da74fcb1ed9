"""Which release is the last one of each service, by the records that a registry keeps."""

from __future__ import annotations

from typing import cast

import pytest

from pipelines.registry.client import Client
from pipelines.registry.released import latest
from tests.unit.registry.memory import Memory

pytestmark = pytest.mark.anyio


@pytest.fixture
def memory() -> Memory:
    made = Memory()
    first, later, mine = (
        {name: made.image(name, f"{seed} {name}") for name in ("api", "web")} for seed in ("1", "2", "3")
    )
    made.record("20250101T000000Z-a", first, "v1.0.0", version="v1.0.0")
    made.record("20250102T000000Z-a", {"web": later["web"]})
    made.record("20250103T000000Z-a", later, environment="staging")
    made.record("20250104T000000Z-a", later, state="moving")
    made.record("20250105T000000Z-a", later, format=1)
    made.record("20250106T000000Z-a", mine)
    return made


async def ids(memory: Memory, *services: str, environment: str = "prod") -> dict[str, str]:
    found = await latest(cast(Client, memory), environment, services, but="20250106T000000Z-a")
    return {name: record.id for name, record in found.items()}


async def test_each_service_has_its_own(memory: Memory) -> None:
    own = {"api": "20250101T000000Z-a", "web": "20250102T000000Z-a"}
    assert await ids(memory, "api", "web") == own
    assert await ids(memory, "web", "new") == own, "all are read for one that was never released"
    assert await ids(memory, "web") == {"web": own["web"]}


async def test_of_one_environment_only(memory: Memory) -> None:
    assert set((await ids(memory, "api", environment="staging")).values()) == {"20250103T000000Z-a"}
    assert await ids(memory, "api", environment="local") == {}
    assert await ids(Memory(), "api") == {}
