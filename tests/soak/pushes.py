"""Many pushes of a small image, as Sealift makes them, to a registry that fails one request in twenty."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import dagger
import httpx
import pytest

from pipelines.errors import RegistryError
from pipelines.graph.quarantine import held
from pipelines.model import Digest, Platform, Tag, Target, Unit
from pipelines.registry import remote
from pipelines.registry.client import Client
from pipelines.stages import publish
from pipelines.stages.build import quarantine
from pipelines.stages.toolbox import Toolbox
from tests.faults.bounds import bounded
from tests.faults.peers import distribution
from tests.faults.relay import Relay, relay
from tests.soak.trouble import Trouble

SHARE = 0.05
AT_ONCE = 4
"""As many as a release has under way."""
TAG = Tag("v1")
_BYTES = 20_000

REQUEST_SECONDS, COPY_SECONDS = 6, 10
"""The bounds of a request and of a copy here."""


@dataclass
class Pushes:
    """What became of the pushes. A push is a copy by digest and the move of a tag.

    :param failed: the errors of those that did not succeed.
    """

    done: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    requests: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the pushes that succeeded."""
        return self.done / max(1, self.done + len(self.failed))


@asynccontextmanager
async def connected(engine: Mapping[str, str], server: Relay, project: str) -> AsyncIterator[Toolbox]:
    """The tools, over one connection to the engine, and the way to the registry behind the relay."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.items():
            patch.setenv(name, value)
        async with dagger.Connection() as client:
            tunnel = client.address(f"tcp://{server.address}").service()
            made = Toolbox(client=client, project=project, run=secrets.token_hex(4), tunnels={server.address: tunnel})
            async with held(made):
                yield made


async def small_image(toolbox: Toolbox, name: str) -> Digest:
    """A small image of its own, in the quarantine."""
    content = secrets.token_hex(_BYTES // 2)
    image = toolbox.client.container(platform=dagger.Platform("linux/amd64")).with_new_file("/content", content)
    return await quarantine(toolbox, image, Unit(service=name, platform=Platform("linux/amd64")))


def run(engine: Mapping[str, str], folder: Path, seed: int, count: int, said: Callable[[str], None]) -> Pushes:
    """Push `count` times, each into a repository of its own: everything has to be sent for each."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    trouble = Trouble(chance, SHARE)
    pushes = Pushes()

    async def pushed(server: Relay) -> None:
        limit = anyio.CapacityLimiter(AT_ONCE)
        async with connected(engine, server, "soak-pushes") as toolbox:
            digest = await small_image(toolbox, "pushed")
            server.rule = trouble
            async with anyio.create_task_group() as group:
                for number in range(count):
                    group.start_soon(partial(_push, toolbox, server, digest, number, pushes, limit, said))
        server.rule = lambda _: None

    with (
        distribution(folder / "registry") as peer,
        relay(lambda _: None, peer.address) as server,
        bounded(request=REQUEST_SECONDS, copy=COPY_SECONDS),
    ):
        anyio.run(pushed, server)
        check(pushes, peer.address, count)
    pushes.requests, pushes.faults = trouble.requests, dict(trouble.failed)
    return pushes


async def _push(
    toolbox: Toolbox,
    server: Relay,
    digest: Digest,
    number: int,
    pushes: Pushes,
    limit: anyio.CapacityLimiter,
    said: Callable[[str], None],
) -> None:
    target = Target(registry=server.address, prefix=f"{number:04}/", insecure=True)
    async with limit:
        began = time.monotonic()
        try:
            await publish.copy(toolbox, target, "pushed", digest)
            async with Client(target) as registry:
                await remote.move(registry, "pushed", TAG, digest)
        except RegistryError as failure:
            pushes.failed.append(f"push {number}: {failure.what}")
            said(f"push {number}: {failure.what}")
        else:
            pushes.done += 1
        pushes.seconds.append(time.monotonic() - began)
    if len(pushes.seconds) % 50 == 0:
        said(f"{len(pushes.seconds)} pushes, {len(pushes.failed)} failed")


def check(pushes: Pushes, address: str, count: int) -> None:
    """What is said to be pushed is there, whole, under its tag."""
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    there = 0
    with httpx.Client(base_url=f"http://{address}/v2", headers=accept, trust_env=False) as client:
        for number in range(count):
            name = f"{number:04}/pushed"
            answer = client.get(f"/{name}/manifests/{TAG}")
            if answer.status_code == 200:
                document = answer.json()
                for blob in (document["config"], *document["layers"]):
                    client.head(f"/{name}/blobs/{blob['digest']}").raise_for_status()
                there += 1
    assert there >= pushes.done, f"{pushes.done} pushes succeeded, and {there} are there"
