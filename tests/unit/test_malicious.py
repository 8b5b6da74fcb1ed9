"""The malicious Trivy releases are refused by version and by digest."""

from __future__ import annotations

import pytest

from pipelines import tools
from pipelines.images import parse_image
from pipelines.malicious import malicious, malicious_digest
from pipelines.model import Digest

INDEXES = {
    "0.69.4": "sha256:27f446230c60bbf0b70e008db798bd4f33b7826f9f76f756606f5417100beef3",
    "0.69.5": "sha256:5aaa1d7cfa9ca4649d6ffad165435c519dc836fa6e21b729a2174ad10b057d2b",
    "0.69.6": "sha256:425cd3e1a2846ac73944e891250377d2b03653e6f028833e30fc00c1abbc6d33",
}


@pytest.mark.parametrize("version", INDEXES)
@pytest.mark.parametrize(
    "name",
    [
        "aquasec/trivy:{}",
        "ghcr.io/aquasecurity/trivy:{}",
        "public.ecr.aws/aquasecurity/trivy:{}",
        "mirror.gcr.io/aquasec/trivy:v{}",
        "registry.example.com/mirror/trivy:{}-amd64",
        "registry.example.com/our-trivy:release-{}",
    ],
)
def test_by_version(name: str, version: str) -> None:
    assert f"Trivy {version} is malicious" in (malicious(parse_image(name.format(version))) or "")


@pytest.mark.parametrize("digest", INDEXES.values())
def test_by_digest_whatever_the_name(digest: str) -> None:
    assert malicious_digest(Digest(digest))
    assert malicious(parse_image(f"registry.example.com/x:1@{digest}"))


@pytest.mark.parametrize("tag", ["0.69.3", "0.69.2", "0.69.40", "0.70.0", "10.69.4", "1.0.69.4", "latest"])
def test_other_versions_are_not(tag: str) -> None:
    assert malicious(parse_image(f"aquasec/trivy:{tag}")) is None


def test_another_image_of_that_version_is_not_unless_it_is_run_as_trivy() -> None:
    image = parse_image("registry.example.com/scanner:0.69.4")
    assert malicious(image) is None
    assert malicious(image, trivy=True)


def test_no_tool_is_malicious() -> None:
    assert not [tool for tool in tools.ALL if malicious(parse_image(tool.image), trivy=tool is tools.TRIVY)]
