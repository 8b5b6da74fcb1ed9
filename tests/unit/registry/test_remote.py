from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelines.registry import remote
from pipelines.registry.answers import remedy

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
        ('Get "http://loopback-1:1/v2/": read: connection reset by peer', "registry's address"),
        ('Post "http://loopback-1:1/v2/": http: server closed idle connection', "registry's address"),
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


def test_an_index_is_read_with_its_platforms_names_in_full(samples: Samples) -> None:
    platforms = [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
    ]
    entries = [{"digest": samples.digest(str(number)), "platform": item} for number, item in enumerate(platforms)]
    document = {"manifests": entries, "annotations": {"dev.sealift.key": "abc"}}
    found = remote.read_index(samples.digest("index"), document)
    assert found is not None
    assert (found.digest, found.annotations) == (samples.digest("index"), {"dev.sealift.key": "abc"})
    assert found.platforms == {"linux/amd64": samples.digest("0"), "linux/arm/v7": samples.digest("1")}


@pytest.mark.parametrize(
    "document",
    [{}, {"manifests": None}, {"manifests": [{"digest": "x"}]}, {"layers": []}, {"manifests": [1]}],
)
def test_what_is_no_index_of_platforms_is_none(samples: Samples, document: dict[str, Any]) -> None:
    assert remote.read_index(samples.digest("index"), document) is None
