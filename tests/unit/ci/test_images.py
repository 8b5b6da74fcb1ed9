"""What a user names an image by."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.images import parse_image
from ci.registry_ground import Registries, registries_by
from pipelines.config import Flags
from pipelines.errors import ConfigError
from pipelines.model import Digest, Platform, Tag

DIGEST = "sha256:" + "a" * 64
CONFIG = """\
version: 1
project: shop
source: https://example.com/shop
services:
  web: {}
  api: {platforms: [linux/amd64]}
environments:
  local: {registry: "localhost:5000", prefix: shop/}
  prod: {registry: ghcr.io, prefix: example/, also: [{registry: quay.io, prefix: else/}]}
"""


@pytest.fixture
def found(tmp_path: Path) -> Registries:
    (tmp_path / "sealift.yaml").write_text(CONFIG)
    for name in ("web", "api"):
        (tmp_path / "services" / name).mkdir(parents=True)
        (tmp_path / "services" / name / "Dockerfile").write_text("FROM scratch\n")
    return registries_by(tmp_path, Flags(env="prod"))


@pytest.mark.parametrize(
    ("text", "registry", "service", "tag", "digest"),
    [
        ("web:v1", "ghcr.io", "web", "v1", None),
        (f"api@{DIGEST}", "ghcr.io", "api", None, DIGEST),
        ("ghcr.io/example/web:v1", "ghcr.io", "web", "v1", None),
        (f"quay.io/else/web:v1@{DIGEST}", "quay.io", "web", None, DIGEST),
    ],
)
def test_an_image_of_a_service(
    found: Registries, text: str, registry: str, service: str, tag: str | None, digest: str | None
) -> None:
    subject = parse_image(found, text, None)
    assert (subject.target.registry, subject.service, subject.foreign) == (registry, service, False)
    assert (subject.tag, subject.digest) == (tag and Tag(tag), digest and Digest(digest))
    expected = ("linux/amd64",) if service == "api" else ("linux/amd64", "linux/arm64")
    assert subject.platforms == tuple(map(Platform, expected))


@pytest.mark.parametrize(
    ("text", "registry", "path", "insecure"),
    [
        ("ghcr.io/example/other:1", "ghcr.io", "example/other", False),
        ("localhost:5000/shop/web:1", "localhost:5000", "shop/web", True),
        (f"registry.example.com/app@{DIGEST}", "registry.example.com", "app", False),
    ],
)
def test_an_image_of_others(found: Registries, text: str, registry: str, path: str, insecure: bool) -> None:
    subject = parse_image(found, text, None)
    assert subject.foreign
    assert str(subject.target.repository(subject.service)) == f"{registry}/{path}"
    assert subject.target.insecure is insecure
    assert subject.shown == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web", "'web' says no tag and no digest"),
        ("wob:v1", "no such service: 'wob'"),
        ("ghcr.io/example/web", "says no tag and no digest"),
        ("example/web:1", "does not say its registry"),
        ("ghcr.io/example/web@sha256:1", "is not a digest"),
        ("ghcr.io/example/web:-", "is not an image tag"),
        ("ghcr.io/Example/app:1", "is not a repository path"),
    ],
)
def test_what_names_no_image(found: Registries, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_image(found, text, None)
