from __future__ import annotations

import pytest

from pipelines.descriptors import file, image, purl

DIGEST = "sha256:" + "ab" * 32
WRITTEN = "sha256%3A" + "ab" * 32


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("python:3.11-slim", f"pkg:oci/python@{WRITTEN}?repository_url=docker.io/library/python&tag=3.11-slim"),
        ("ghcr.io/Acme/Shop/api", f"pkg:oci/api@{WRITTEN}?repository_url=ghcr.io/Acme/Shop/api"),
        ("localhost:5000/api:v1", f"pkg:oci/api@{WRITTEN}?repository_url=localhost:5000/api&tag=v1"),
    ],
)
def test_the_package_url_of_an_image(reference: str, expected: str) -> None:
    assert purl(reference, DIGEST) == expected


def test_a_descriptor_has_the_digest_as_in_toto_has_it() -> None:
    found = image(f"python:3.11@{DIGEST}", DIGEST, role="base")
    assert found["name"] == "python:3.11"
    assert found["digest"] == {"sha256": "ab" * 32}
    assert found["annotations"] == {"role": "base"}
    assert "uri" not in file("sample", DIGEST)
