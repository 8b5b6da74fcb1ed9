"""A registry that is in trouble for a time, and what Sealift's way of copying and tagging survives.

Where the trouble does not end, the release does: `test_registries.py` and `test_connections.py` have that.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import anyio
import httpx
import pytest

from pipelines.graph.together import together
from pipelines.model import Digest, Target
from pipelines.registry import remote
from pipelines.registry.client import Client
from pipelines.stages import publish
from pipelines.stages.toolbox import Toolbox
from tests.faults.bounds import bounded
from tests.faults.peers import Peer
from tests.faults.relay import Answer, Asked, Cut, Fault, Lost, Relay
from tests.soak.pushes import TAG, connected, small_image

pytestmark = pytest.mark.anyio


@dataclass
class Away:
    """From the first write on, everything has this answer for some seconds."""

    answer: Answer
    seconds: float
    until: float = 0
    faults: int = 0

    def __call__(self, asked: Asked) -> Fault:
        if not self.until and asked.writes:
            self.until = time.monotonic() + self.seconds
        if time.monotonic() >= self.until:
            return None
        self.faults += 1
        return self.answer


@dataclass
class First:
    """The first of the requests that fit have this fault."""

    fits: Callable[[Asked], bool]
    fault: Answer | Cut | Lost
    times: int = 1
    faults: int = 0

    def __call__(self, asked: Asked) -> Fault:
        if self.faults == self.times or not self.fits(asked):
            return None
        self.faults += 1
        return self.fault


def blob(asked: Asked) -> bool:
    return asked.method in ("PUT", "PATCH") and "/blobs/uploads/" in asked.path


def manifest(asked: Asked) -> bool:
    return asked.method == "PUT" and "/manifests/sha256:" in asked.path


def tag(asked: Asked) -> bool:
    return asked.method == "PUT" and asked.path.endswith(f"/manifests/{TAG}")


Rules = dict[str, Away | First]


@dataclass
class Registry:
    """A registry in which each push has a place, with a trouble, of its own. `places` counts them."""

    toolbox: Toolbox
    digest: Digest
    server: Relay
    peer: Peer
    places: Iterator[int] = field(default_factory=lambda: iter(range(1000)))

    async def survives(self, rules: Rules) -> None:
        """Push once for each trouble, all at once; each push meets its own and succeeds."""
        names = {f"p{next(self.places)}": name for name in rules}

        def rule(asked: Asked) -> Fault:
            place = asked.path.split("/")[2]
            return rules[names[place]](asked) if place in names else None

        self.server.rule = rule
        await together(partial(self._push, place) for place in names)
        self.server.rule = lambda _: None
        for place, name in names.items():
            url = f"http://{self.peer.address}/v2/{place}/pushed/manifests/{TAG}"
            accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
            answer = await anyio.to_thread.run_sync(partial(httpx.head, url, headers=accept, trust_env=False))
            assert answer.headers.get("docker-content-digest") == self.digest, name
            assert rules[name].faults, f"{name}: there was no trouble"

    async def _push(self, place: str) -> None:
        target = Target(registry=self.server.address, prefix=f"{place}/", insecure=True)
        await publish.copy(self.toolbox, target, "pushed", self.digest)
        async with Client(target) as registry:
            await remote.move(registry, "pushed", TAG, self.digest)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def registry(engine: Mapping[str, str], peer: Peer, server: Relay) -> AsyncIterator[Registry]:
    async with connected(engine, server, "outages") as toolbox:
        digest = await small_image(toolbox, "pushed")
        yield Registry(toolbox=toolbox, digest=digest, server=server, peer=peer)


async def test_500_502_503_504_for_1_and_for_10_seconds(registry: Registry) -> None:
    statuses = (500, 502, 503, 504)
    rules: Rules = {f"{status} for {seconds} s": Away(Answer(status=status), seconds) for status in statuses
                    for seconds in (1, 10)}  # fmt: skip
    await registry.survives(rules)


async def test_429_with_and_without_retry_after(registry: Registry) -> None:
    waited = Answer(status=429, headers={"Retry-After": "2"})
    began = time.monotonic()
    await registry.survives(
        {
            "with": First(manifest, waited, times=2),
            "without": First(manifest, Answer(status=429), times=3),
            "of a blob": First(blob, waited, times=1),
        }
    )
    assert time.monotonic() - began > 4, "Retry-After was not heeded"


async def test_an_answer_that_is_lost_after_the_registry_took_the_bytes(registry: Registry) -> None:
    """The client cannot know that; it asks again, and what is there stays."""
    with bounded(request=6, copy=6):
        await registry.survives(
            {
                "of a blob": First(blob, Lost()),
                "of a manifest": First(manifest, Lost()),
                "of a tag": First(tag, Lost()),
                "later than the client waits": First(manifest, Lost(after=8)),
            }
        )
