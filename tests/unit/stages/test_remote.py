from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from pipelines.errors import RegistryError
from pipelines.model import Digest, Tag, Target
from pipelines.registry.answers import remedy
from pipelines.stages import remote
from pipelines.stages.toolbox import Toolbox

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("request failed: unauthorized [http 401]: authentication required", "DOCKER_USERNAME"),
        ("unauthorized", "docker login"),
        ("request failed: forbidden [http 403]", "write permission"),
        ("denied: requested access to the resource is denied", "write permission"),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "sealift up"),
        ("dial tcp: lookup ghcr.example on 10.0.0.1:53: no such host", "registry's address"),
        ("read tcp: i/o timeout", "registry's address"),
        ('Get "http://loopback-1:1/v2/": EOF', "registry's address"),
        ("unexpected http status code [http 500]", "run the command again"),
        ("unexpected status [http 401]", "DOCKER_USERNAME"),
        ("unexpected status [http 403]", "write permission"),
    ],
)
def test_the_remedy_fits_the_refusal(message: str, expected: str) -> None:
    assert expected in remedy(message)


# Digests, ports and sizes are full of the digits of HTTP statuses.
@pytest.mark.parametrize("message", [f"blob sha256:{'4a401c' * 10}: unexpected EOF", f"sha256:{'403a' * 16}: reset"])
def test_digits_within_a_digest_are_no_status(message: str) -> None:
    assert "run the command again" in remedy(message)


async def current(monkeypatch: pytest.MonkeyPatch, answer: str | Exception) -> Digest | None:
    """What a tag names, if the registry gives this answer."""

    async def sleep(_: float) -> None:
        """What is tried again is tried at once."""

    async def run(*_: Any, **__: Any) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(remote, "ask", run)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    toolbox = Toolbox(client=cast(Any, None), project="shop", run="r")
    return await remote.current(toolbox, Target(registry="localhost:5000", insecure=True), "aidb", Tag("v1"))


@pytest.mark.anyio
async def test_the_digest_that_a_tag_names(monkeypatch: pytest.MonkeyPatch, samples: Samples) -> None:
    assert await current(monkeypatch, f"{samples.digest('x')}\n") == samples.digest("x")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "what",
    ["request failed: not found [http 404]", "unexpected status [http 404]", "localhost:5000: manifest not found"],
)
async def test_a_tag_that_is_not_there(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    assert await current(monkeypatch, RegistryError(what, remedy="r")) is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    "what",
    [
        "ghcr.io: forbidden [http 403]",
        "ghcr.io: unexpected status [http 500]",
        "localhost:4040: connection refused",
        f"blob sha256:{'404a' * 16}: unexpected EOF",
    ],
)
async def test_a_registry_that_does_not_answer_is_no_missing_tag(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    with pytest.raises(RegistryError):
        await current(monkeypatch, RegistryError(what, remedy="r"))


def test_an_index_is_read_with_its_platforms_names_in_full(samples: Samples) -> None:
    platforms = [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
    ]
    entries = [{"digest": samples.digest(str(number)), "platform": item} for number, item in enumerate(platforms)]
    document = {"manifests": entries, "annotations": {"dev.sealift.key": "abc"}}
    found = remote.read_index(f"{samples.digest('index')} {json.dumps(document)}")
    assert found is not None
    assert (found.digest, found.annotations) == (samples.digest("index"), {"dev.sealift.key": "abc"})
    assert found.platforms == {"linux/amd64": samples.digest("0"), "linux/arm/v7": samples.digest("1")}


@pytest.mark.parametrize(
    "document",
    ["", "[]", "{}", '{"manifests": null}', '{"manifests": [{"digest": "x"}]}', '{"layers": []}', '{"manifests": [1]}'],
)
def test_what_is_no_index_of_platforms_is_none(samples: Samples, document: str) -> None:
    assert remote.read_index(f"{samples.digest('index')} {document}") is None
    assert remote.read_index(document) is None
