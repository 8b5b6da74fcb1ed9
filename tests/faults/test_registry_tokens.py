"""A registry with TLS and a token server: how most public ones log people in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors import RegistryError
from pipelines.model import Repository, Tag, Target
from pipelines.registry.auth import Login
from pipelines.registry.check import check
from pipelines.registry.client import Client
from pipelines.registry.wire import Wire
from tests.faults.jwt import LEEWAY, authority
from tests.faults.peers import Peer, distribution
from tests.faults.tokens import Tokens, tokens

pytestmark = pytest.mark.anyio
TYPE = "application/vnd.example.note.v1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def _server(files: tuple[Path, Path]) -> Iterator[Tokens]:
    with tokens(files, ("porter", "knock-knock")) as made:
        yield made


@pytest.fixture
def server(_server: Tokens) -> Tokens:
    """The token server as it was at first."""
    _server.seconds, _server.may_push, _server.refused = 300, True, 0
    _server.given.clear()
    return _server


@pytest.fixture(scope="module")
def peer(_server: Tokens, files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp("guarded")
    with distribution(folder, storage={"delete": {"enabled": True}}, tls=files, auth=_server.auth) as made:
        yield made


def at(peer: Peer, files: tuple[Path, Path] | None, password: str = "knock-knock") -> Client:  # noqa: S107
    target = Target(registry=peer.address, prefix="shop/")
    login = Login(username="porter", password=password)
    return Client(target, login=login, verify=str(files[0]) if files else None)


def repository(peer: Peer, name: str = "web") -> Repository:
    return Repository(registry=peer.address, path=f"shop/{name}")


async def test_a_token_for_each_repository_and_what_is_done_there(
    peer: Peer, server: Tokens, files: tuple[Path, Path]
) -> None:
    async with at(peer, files) as client:
        await client.ping()
        assert server.given == [""], "nothing is asked for beyond what is needed"
        result = await check(client, repository(peer), known=True, read_only=False)
    assert [step.state for step in result.steps] == ["ok"] * 5, result.steps
    assert "repository:shop/web:pull" in server.given
    assert any("push" in scope for scope in server.given)
    assert any("delete" in scope for scope in server.given)


async def test_a_token_that_expires_in_mid_push(
    peer: Peer, server: Tokens, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, send, sent = repository(peer, "slow"), Wire.put_blob, list[str]()

    def slowly(self: Wire, digest: str, data: bytes) -> None:
        send(self, digest, data)  # type: ignore[arg-type]
        sent.append(digest)
        if len(sent) == 1:
            time.sleep(3)
            server.seconds = 300

    monkeypatch.setattr(Wire, "put_blob", slowly)
    server.seconds = 2 - LEEWAY
    async with at(peer, files) as client:
        digest = await client.put(there, Tag("v1"), b"hello", artifact_type=TYPE)
        before = len(server.given)
        assert await client.resolve(there, Tag("v1")) == digest
    assert len(sent) == 2
    pushes = [scope for scope in server.given if "push" in scope]
    assert len(pushes) == 2, "one token that expired, and one more"
    assert len(server.given) == before, "and none for what that one allows"


async def test_a_wrong_password_is_a_problem_of_the_login(peer: Peer, server: Tokens, files: tuple[Path, Path]) -> None:
    async with at(peer, files, "guess") as client:
        result = await check(client, repository(peer), known=True, read_only=False)
    (failed,) = result.failed
    assert (failed.name, failed.problem) == ("login", "login")
    assert "[http 401]" in failed.note
    assert "guess" not in str(result)
    assert [step.state for step in result.steps] == ["ok", "failed", "skipped", "skipped", "skipped"]
    assert server.refused == 1


async def test_who_may_only_pull_has_a_problem_of_permission(
    peer: Peer, server: Tokens, files: tuple[Path, Path]
) -> None:
    server.may_push = False
    async with at(peer, files) as client:
        result = await check(client, repository(peer), known=True, read_only=False)
    (failed,) = result.failed
    assert (failed.name, failed.problem) == ("push", "permission")
    assert [step.state for step in result.steps] == ["ok", "ok", "ok", "failed", "skipped"]


async def test_a_certificate_of_nobody_known(peer: Peer, server: Tokens) -> None:
    async with at(peer, None) as client:
        with pytest.raises(RegistryError, match="its certificate is not trusted") as caught:
            await client.ping()
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy
    assert server.given == []
