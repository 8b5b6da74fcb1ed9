"""What names stand for, as registries say it, for the lock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from pipelines.errors import ConfigError, RegistryError
from pipelines.lock import Lock, Needed, Wanted
from pipelines.model import Digest, Platform, Repository, Tag, Target
from pipelines.registry.clients import Clients
from pipelines.registry.documents import INDEX
from pipelines.registry.pins import locked, since
from tests.unit.registry.memory import Memory, digest_of

pytestmark = pytest.mark.anyio
BASE, TOOL = "docker.io/library/base:1.2", "localhost:5000/tool:3.1"


class Asked(Memory):
    """Which counts what is asked of it."""

    looks = 0
    asked = 0
    away = False

    async def look(self, _: Repository) -> None:
        self.looks += 1
        if self.away:
            raise RegistryError("connection refused", remedy="")

    async def look_up(self, repository: Repository, tag: Tag) -> Digest | None:
        await self.look(repository)
        return await self.resolve(repository, tag)

    async def manifest(self, repository: Repository, reference: str) -> Any:
        self.asked += 1
        return await super().manifest(repository, reference)


@dataclass
class Registries:
    made: dict[Target, Asked] = field(default_factory=dict)

    def __call__(self, target: Target) -> Asked:
        return self.made.setdefault(target, Asked(target=target))

    @property
    def hub(self) -> Asked:
        return self(Target(registry="docker.io"))

    @property
    def local(self) -> Asked:
        return self(Target(registry="localhost:5000", insecure=True))


def config(memory: Memory, **more: Any) -> dict[str, Any]:
    data = json.dumps({"os": "linux", "architecture": "amd64", **more}).encode()
    memory.blobs[digest_of(data)] = data
    return {"config": {"digest": digest_of(data)}, "layers": []}


def index(memory: Memory, repo: str, tag: str, labels: Mapping[str, str] | None = None) -> tuple[Digest, Digest]:
    """An index as buildx makes it, with an attestation and another system in it; its digest and that of amd64."""
    child = memory.put(repo, config(memory, config={"Labels": dict(labels or {})}, tag=tag))
    names = ("linux/amd64/", "unknown/unknown/", "windows/amd64/", "linux/arm64/v8")
    platforms = [dict(zip(("os", "architecture", "variant"), name.split("/"), strict=True)) for name in names]
    document = {"mediaType": INDEX, "manifests": [{"digest": child, "platform": platform} for platform in platforms]}
    return memory.put(repo, document, tag), child


@pytest.fixture
def registries() -> Registries:
    made = Registries()
    index(made.hub, "library/base", "1.2")
    index(made.local, "tool", "3.1", {"dev.sealift.rebuilt": "true"})
    return made


WANTED = Wanted(
    bases={BASE: Needed(platforms=frozenset({Platform("linux/amd64")}), place="Dockerfile:1")}, tools={"syft": TOOL}
)


async def made(registries: Registries, wanted: Wanted = WANTED, before: Lock | None = None) -> Lock:
    kept = dict(before.entries()) if before else {}
    return await locked(cast(Clients, registries), "shop", wanted, kept.get)


async def test_every_linux_platform_is_in_it(registries: Registries) -> None:
    lock = await made(registries)
    assert lock.bases[BASE].index == registries.hub.repos["library/base"].tags["1.2"]
    assert sorted(lock.bases[BASE].platforms) == ["linux/amd64", "linux/arm64/v8"]
    assert lock.bases[BASE].serves(Platform("linux/arm64"))
    assert not lock.bases[BASE].rebuilt
    assert lock.tools["syft"].name == TOOL
    assert lock.tools["syft"].rebuilt


async def test_an_image_of_one_platform_is_its_manifest(registries: Registries) -> None:
    hub = registries.hub
    digest = hub.put("library/base", config(hub, variant="v2"), "1.2")
    lock = await made(registries)
    assert (lock.bases[BASE].index, lock.bases[BASE].platforms) == (digest, {"linux/amd64/v2": digest})


async def test_what_is_kept_is_not_asked_for(registries: Registries) -> None:
    before = await made(registries)
    index(registries.hub, "library/base", "1.2", {"new": "1"})
    registries.hub.asked = registries.hub.looks = 0
    assert await made(registries, before=before) == before
    assert (registries.hub.looks, registries.hub.asked) == (0, 0)
    assert await made(registries) != before


async def test_a_registry_that_is_away_is_told_before_anything_else_is_asked(registries: Registries) -> None:
    registries.hub.away = True
    with pytest.raises(RegistryError, match="connection refused"):
        await made(registries)
    assert registries.hub.asked == 0


async def test_what_is_not_there_is_told(registries: Registries) -> None:
    registries.hub.repos["library/base"].tags.clear()
    with pytest.raises(RegistryError, match=f"{BASE} does not exist"):
        await made(registries)


async def test_a_name_that_stands_for_a_malicious_image_is_not_locked(registries: Registries) -> None:
    evil = Digest("sha256:27f446230c60bbf0b70e008db798bd4f33b7826f9f76f756606f5417100beef3")
    repo = registries.hub.repos["library/base"]
    repo.manifests[evil] = repo.manifests[repo.tags["1.2"]]
    repo.tags["1.2"] = evil
    with pytest.raises(ConfigError, match="GHSA-69fq-xp46-6x23"):
        await made(registries)


async def test_an_image_that_is_not_there_for_a_wanted_platform_is_told(registries: Registries) -> None:
    needed = Needed(platforms=frozenset({Platform("linux/s390x")}), place="web/Dockerfile:1")
    with pytest.raises(ConfigError, match=f"{BASE} is not there for linux/s390x, and web/Dockerfile:1 is built for"):
        await made(registries, Wanted(bases={BASE: needed}, tools={}))


async def test_what_has_become_of_it_since(registries: Registries) -> None:
    lock = await made(registries)
    index(registries.hub, "library/base", "1.10")
    index(registries.hub, "library/base", "1.2", {"new": "1"})
    registries.local.away = True
    base, tool = await since(cast(Clients, registries), lock)
    assert (base.moved, base.now, base.newer) == (True, registries.hub.repos["library/base"].tags["1.2"], ("1.10",))
    assert (tool.moved, tool.failure) == (False, "connection refused")
    registries.hub.repos["library/base"].tags.clear()
    (base, _) = await since(cast(Clients, registries), lock)
    assert (base.moved, base.now) == (True, None)
