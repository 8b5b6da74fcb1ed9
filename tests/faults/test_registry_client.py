"""The client of the command line at real registries: what it finds, and how it is told that they refuse."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from pipelines.errors import RegistryError
from pipelines.model import RECORDS, Digest, Repository, Tag, Target
from pipelines.registry import records
from pipelines.registry.auth import Login
from pipelines.registry.client import Client
from pipelines.registry.documents import INDEX, MANIFEST, fallback_tag
from tests.faults.peers import Peer, distribution
from tests.faults.relay import Answer, Asked, Fault, Relay, relay

pytestmark = pytest.mark.anyio
TYPE = "application/vnd.example.note.v1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A registry that asks for a login, and deletes."""
    folder = tmp_path_factory.mktemp("locked")
    with distribution(folder, storage={"delete": {"enabled": True}}, login=("porter", "knock-knock")) as made:
        yield made


@pytest.fixture
def server(locked: Peer) -> Iterator[Relay]:
    with relay(lambda _: None, locked.address) as made:
        yield made


def at(address: str, password: str | None = "knock-knock") -> Client:  # noqa: S107 - a test's own
    login = Login(username="porter", password=password) if password else None
    return Client(Target(registry=address, prefix="shop/", insecure=True), login=login)


def repository(address: str, name: str = "web") -> Repository:
    return Repository(registry=address, path=f"shop/{name}")


async def test_an_artifact_comes_and_goes(locked: Peer) -> None:
    there = repository(locked.address, "comes")
    async with at(locked.address) as registry:
        assert await registry.tags(there) == ()
        assert await registry.resolve(there, Tag("v1")) is None
        digest = await registry.put(there, Tag("v1"), b"hello", artifact_type=TYPE)
        await registry.put(there, Tag("v2"), b"hello", artifact_type=TYPE)
        assert await registry.tags(there) == ("v1", "v2")
        assert await registry.resolve(there, Tag("v1")) == digest
        held = await registry.manifest(there, digest)
        assert held is not None
        assert (held.digest, held.media_type, held.is_index) == (digest, MANIFEST, False)
        assert held.size == len(json.dumps(held.document).encode())
        assert [blob.size for blob in held.blobs] == [2, 5]
        config = await registry.blob(there, held.blobs[0].digest)
        assert config is not None
        assert config.document == {}
        assert await registry.content(there, held.blobs[1].digest) == b"hello"
        assert await registry.delete_tag(there, Tag("v1"))
        assert not await registry.delete_tag(there, Tag("v1"))
        assert await registry.resolve(there, Tag("v2")) == digest
        assert await registry.delete_manifest(there, digest)
        assert await registry.manifest(there, digest) is None
        assert not await registry.delete_manifest(there, digest)
        assert await registry.tags(there) == ()


async def test_a_tag_comes_to_name_what_is_there_already(locked: Peer) -> None:
    there = repository(locked.address, "named")
    async with at(locked.address) as registry:
        first, second = [await registry.put(there, None, text, artifact_type=TYPE) for text in (b"one", b"two")]
        for digest in (first, second, second):
            await registry.point(there, Tag("v1"), digest)
            assert await registry.resolve(there, Tag("v1")) == digest
        missing = Digest(f"sha256:{hashlib.sha256(b'nobody').hexdigest()}")
        with pytest.raises(RegistryError, match=r"\[http 404\]"):
            await registry.point(there, Tag("v1"), missing)
        assert await registry.resolve(there, Tag("v1")) == second


async def test_a_registry_that_takes_a_manifest_for_another(locked: Peer, server: Relay) -> None:
    there = repository(server.address, "changed")
    async with at(server.address) as registry:
        digest = await registry.put(there, None, b"one", artifact_type=TYPE)
        other = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
        taken = Answer(status=201, headers={"Docker-Content-Digest": other})
        server.rule = lambda asked: taken if asked.method == "PUT" else None
        with pytest.raises(RegistryError, match=f"the registry took it as {other}"):
            await registry.point(there, Tag("v1"), digest)
    assert len(server.faults) == 1, "it was asked again"


async def test_what_was_given_up_moves_no_tag_later(
    locked: Peer, server: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login that is asked for late: the request that would follow it is not sent when nobody waits any more."""
    monkeypatch.setattr("pipelines.registry.retry.ATTEMPTS", 1)
    monkeypatch.setattr("pipelines.registry.connection.REQUEST_SECONDS", 1)
    there = repository(server.address, "late")
    async with at(server.address) as registry:
        digest = await registry.put(there, None, b"one", artifact_type=TYPE)

        def late(asked: Asked) -> Fault:
            if asked.method != "PUT":
                return None
            time.sleep(3)
            return Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="late"'})

        server.rule = late
        with pytest.raises(RegistryError, match="no final answer within 1 s"):
            await registry.point(there, Tag("v1"), digest)
        server.rule = lambda _: None
        await anyio.sleep(4)
        assert await registry.resolve(there, Tag("v1")) is None
    assert len(server.faults) == 1


async def test_a_record_is_kept_and_read(locked: Peer) -> None:
    async with at(locked.address) as registry:
        assert await records.get(registry, Tag("v1")) is None
        await records.put(registry, '{"a": "ü"}\n', [Tag("v1"), Tag("run-1")])
        assert await records.get(registry, Tag("v1")) == await records.get(registry, Tag("run-1")) == '{"a": "ü"}\n'
        there = registry.target.repository(RECORDS)
        held = await registry.manifest(there, Tag("v1"))
        assert held is not None
        assert held.document["artifactType"] == records.ARTIFACT_TYPE
        assert held.blobs[-1].media_type == "application/json"
        await registry.put(there, Tag("v2"), b"{}", artifact_type=TYPE)
        with pytest.raises(RegistryError, match=f"releases:v2 is no release record .* {TYPE!r}"):
            await records.get(registry, Tag("v2"))


async def test_attachments_by_the_fallback_tag(locked: Peer) -> None:
    """CNCF Distribution has no referrers API; who attaches something lists it under the digest's tag."""
    there = repository(locked.address, "attached")
    async with at(locked.address) as registry:
        digest = await registry.put(there, Tag("v1"), b"hello", artifact_type=TYPE)
        assert await registry.referrers(there, digest) == ()
        subject = await registry.manifest(there, digest)
        note = await registry.put(there, None, b"a note", artifact_type=TYPE, subject=subject)
        held = await registry.manifest(there, note)
        assert held is not None
        entry = {"mediaType": MANIFEST, "digest": note, "size": held.size, "artifactType": TYPE}
        text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
        wire = registry.wire(there.path)
        wire.ask("put", f"manifests/{fallback_tag(digest)}", data=text, headers={"Content-Type": INDEX})
        (found,) = await registry.referrers(there, digest)
        assert (found.digest, found.artifact_type, found.size) == (note, TYPE, held.size)


async def test_attachments_by_the_api_page_by_page(locked: Peer, server: Relay) -> None:
    digests = [f"sha256:{hashlib.sha256(bytes([n])).hexdigest()}" for n in range(3)]

    def rule(asked: Asked) -> Fault:
        if "/referrers/" not in asked.path:
            return None
        number = int(asked.path.rpartition("=")[2]) if "=" in asked.path else 0
        entry = {"mediaType": MANIFEST, "digest": digests[number], "size": 7, "artifactType": TYPE}
        headers = {"Content-Type": INDEX}
        if number < 2:
            headers["Link"] = f'<{asked.path.partition("?")[0]}?page={number + 1}>; rel="next"'
        return Answer(status=200, body=json.dumps({"manifests": [entry]}), headers=headers)

    server.rule = rule
    async with at(server.address) as registry:
        found = await registry.referrers(repository(server.address), Digest(digests[0]))
    assert [item.digest for item in found] == digests


async def test_lists_are_followed_to_their_end(locked: Peer, server: Relay) -> None:
    there = repository(server.address, "many")
    names = [f"v{number:03}" for number in range(130)]
    async with at(server.address) as registry:
        for name in names[:3]:
            await registry.put(there, Tag(name), b"hello", artifact_type=TYPE)

        def rule(asked: Asked) -> Fault:
            if "/tags/list" not in asked.path:
                return None
            start = names.index(asked.path.rpartition("last=")[2]) + 1 if "last=" in asked.path else 0
            page = names[start : start + 50]
            headers = {"Content-Type": "application/json"}
            if start + 50 < len(names):
                headers["Link"] = f'</v2/{there.path}/tags/list?n=50&last={page[-1]}>; rel="next"'
            return Answer(status=200, body=json.dumps({"name": there.path, "tags": page}), headers=headers)

        server.rule = rule
        assert list(await registry.tags(there)) == names
        server.rule = lambda _: None
        assert list(await registry.tags(there)) == names[:3]
        found, named = await registry.repositories(["web"])
        assert named
        assert there in found
        server.rule = lambda asked: Answer(status=404) if "_catalog" in asked.path else None
        found, named = await registry.repositories(["web"])
        assert not named
        assert [item.path for item in found] == ["shop/web", "shop/releases"]


@pytest.mark.parametrize("password", ["wrong", None])
async def test_a_wrong_login_is_told_at_once(locked: Peer, server: Relay, password: str | None) -> None:
    asked: list[Asked] = []
    server.rule = asked.append
    async with at(server.address, password) as registry:
        with pytest.raises(RegistryError, match=r"UNAUTHORIZED: authentication required.*\[http 401\]") as caught:
            await registry.tags(repository(server.address))
        assert "docker login" in caught.value.remedy
    assert "wrong" not in str(caught.value)
    assert len(asked) <= 2


async def test_many_at_once_log_in_once(locked: Peer, server: Relay) -> None:
    import anyio

    asked: list[Asked] = []
    server.rule = asked.append
    there = repository(server.address, "none")
    async with at(server.address) as registry, anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(registry.resolve, there, Tag(f"v{number}"))
    assert len(asked) == 21


async def test_a_registry_that_does_not_delete(tmp_path: Path) -> None:
    with distribution(tmp_path / "registry") as peer:
        there = repository(peer.address)
        async with at(peer.address, None) as registry:
            digest = await registry.put(there, Tag("v1"), b"hello", artifact_type=TYPE)
            for delete in (registry.delete_manifest(there, digest), registry.delete_tag(there, Tag("v1"))):
                with pytest.raises(RegistryError, match=r"UNSUPPORTED.*\[http 405\]") as caught:
                    await delete
                assert "storage.delete.enabled" in caught.value.remedy


async def test_what_passes_by_itself_is_asked_again(locked: Peer, server: Relay) -> None:
    faults: list[Fault] = [
        Answer(status=429, headers={"Retry-After": "1"}), Answer(status=503), None, None
    ]  # fmt: skip
    server.rule = lambda _: faults.pop(0) if faults else None
    async with at(server.address) as registry:
        await registry.tags(repository(server.address))
    assert not faults


async def test_who_asks_to_wait_for_a_day_is_not_waited_for(server: Relay) -> None:
    server.rule = lambda _: Answer(status=429, headers={"Retry-After": "86400"})
    async with at(server.address) as registry:
        with pytest.raises(RegistryError, match=r"\[http 429\]"):
            await registry.tags(repository(server.address))
    assert len(server.faults) == 1


@pytest.mark.parametrize("status", [200, 403])
async def test_a_page_of_a_log_in_is_no_registry(server: Relay, status: int) -> None:
    page = Answer(status=status, body="<html>log in</html>", headers={"Content-Type": "text/html"})
    server.rule = lambda _: page
    async with at(server.address) as registry:
        with pytest.raises(RegistryError, match="text/html" if status == 200 else "a page of HTML") as caught:
            await registry.tags(repository(server.address))
    assert "<html>" not in str(caught.value)
    assert ("log-in page" if status == 200 else "write permission") in caught.value.remedy
    assert len(server.faults) == 1


async def test_what_is_served_is_what_was_asked_for(
    locked: Peer, server: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.registry.retry.ATTEMPTS", 1)
    there = repository(server.address, "changed")
    async with at(server.address) as registry:
        digest = await registry.put(there, Tag("v1"), b"hello", artifact_type=TYPE)
        other = Answer(status=200, body='{"schemaVersion": 2}', headers={"Content-Type": MANIFEST})
        server.rule = lambda asked: other if asked.method == "GET" else None
        with pytest.raises(RegistryError, match="is something else"):
            await registry.manifest(there, digest)


async def test_a_registry_in_plain_http_where_tls_is_expected(locked: Peer) -> None:
    target = Target(registry=locked.address)
    async with Client(target, login=None) as registry:
        with pytest.raises(RegistryError, match="does not speak TLS") as caught:
            await registry.ping()
    assert "insecure: true" in caught.value.remedy


async def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr("pipelines.registry.retry.ATTEMPTS", 1)
    async with at("localhost:1", None) as registry:
        with pytest.raises(RegistryError, match="localhost:1: connection refused") as caught:
            await registry.ping()
    assert "sealift up" in caught.value.remedy
