from __future__ import annotations

import dataclasses

import pytest

from pipelines.model import Digest, Platform, Repository, Severity, Tag, Unit

HEX = "0123456789abcdef" * 4


def test_a_digest_knows_its_short_form() -> None:
    assert Digest(f"sha256:{HEX}").short == "0123456789ab"


@pytest.mark.parametrize(
    "text",
    ["", HEX, f"sha256:{HEX[:-1]}", f"sha256:{HEX}0", f"sha256:{HEX.upper()}", f"sha512:{HEX}", f"sha256:{HEX}\n"],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a digest"):
        Digest(text)


@pytest.mark.parametrize(
    ("text", "slug"),
    [("linux/amd64", "linux-amd64"), ("linux/arm/v7", "linux-arm-v7"), ("linux/s390x", "linux-s390x")],
)
def test_a_platform_has_a_name_for_folders(text: str, slug: str) -> None:
    assert Platform(text).slug == slug


@pytest.mark.parametrize(
    "text", ["", "amd64", "windows/amd64", "linux/", "linux/amd64/", "linux/AMD64", "linux/amd64\n"]
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a platform"):
        Platform(text)


@pytest.mark.parametrize("text", ["a", "_", "v1.2.3", "A-b_c.d", "x" * 128])
def test_legal_tags(text: str) -> None:
    assert Tag(text) == text


@pytest.mark.parametrize("text", ["", ".a", "-a", "a/b", "a:b", "a+b", "a b", "a\n", "x" * 129, "é", "$(id)"])
def test_illegal_tags(text: str) -> None:
    with pytest.raises(ValueError, match="is not an image tag"):
        Tag(text)


@pytest.mark.parametrize(
    "registry", ["ghcr.io", "localhost:5000", "127.0.0.1", "[::1]:5000", "[::1]", "my-host.example"]
)
def test_a_repository_makes_references(registry: str) -> None:
    repository = Repository(registry=registry, path="a/b__c/d-e.f")
    assert str(repository) == f"{registry}/a/b__c/d-e.f"
    assert repository.tagged(Tag("v1")) == f"{registry}/a/b__c/d-e.f:v1"
    assert repository.at(Digest(f"sha256:{HEX}")) == f"{registry}/a/b__c/d-e.f@sha256:{HEX}"


@pytest.mark.parametrize("registry", ["", "https://ghcr.io", "ghcr.io/x", "host:", "host:123456", "-x y", "::1"])
def test_what_is_no_registry_is_refused(registry: str) -> None:
    with pytest.raises(ValueError, match="is not a registry"):
        Repository(registry=registry, path="a")


@pytest.mark.parametrize("path", ["", "A", "a/", "/a", "a//b", "a___b", "a..b", "-a", "a:b", "a b"])
def test_what_is_no_repository_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a repository path"):
        Repository(registry="ghcr.io", path=path)


def test_severities_are_in_order() -> None:
    assert Severity.UNKNOWN < Severity.LOW < Severity.MEDIUM < Severity.HIGH < Severity.CRITICAL


def test_data_is_frozen_and_named() -> None:
    unit = Unit(service="aidb", platform=Platform("linux/amd64"))
    assert str(unit) == "aidb linux/amd64"
    with pytest.raises(dataclasses.FrozenInstanceError):
        unit.service = "other"  # type: ignore[misc]
