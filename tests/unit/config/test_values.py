"""Text into values."""

from __future__ import annotations

import pytest

from pipelines.config.values import (
    is_loopback,
    parse_git_sha,
    parse_jobs,
    parse_registry,
    parse_secret_address,
    parse_version,
    split,
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.2.3", "v1.2.3"),
        ("1.2.3", "v1.2.3"),
        ("v0.0.0", "v0.0.0"),
        ("v1.2.3-rc.1", "v1.2.3-rc.1"),
        ("v1.2.3-0a.b-c", "v1.2.3-0a.b-c"),
        ("v10.20.30", "v10.20.30"),
    ],
)
def test_versions(text: str, version: str) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    "text",
    [
        "v1",
        "v1.2",
        "v01.2.3",
        "V1.2.3",
        "vv1.2.3",
        "v1.2.3-",
        "v1.2.3-01",
        "v1.2.3+build",
        "v1.2.3\n",
        "v\u0661.2.3",
        "latest",
    ],
)
def test_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match="is not a semantic version"):
        parse_version(text)


@pytest.mark.parametrize("text", ["ghcr.io", "localhost:5000", "[::1]:5000", "[::1]", "10.0.0.1:443", "a.b-c.d:65535"])
def test_registries(text: str) -> None:
    assert parse_registry(text) == text


@pytest.mark.parametrize("text", ["", "a b", "a:", "a:0", "a:65536", "http://a", "a/b", "a..b", "user@a", "a?b"])
def test_no_registries(text: str) -> None:
    with pytest.raises(ValueError):
        parse_registry(text)


@pytest.mark.parametrize("text", ["localhost", "localhost:1", "127.0.0.1:5000", "127.255.0.9", "[::1]:5000", "[::1]"])
def test_loopback(text: str) -> None:
    assert is_loopback(text)


@pytest.mark.parametrize("text", ["ghcr.io", "localhost.io:5000", "127.io", "[::2]:5000", "10.0.0.1", "mylocalhost"])
def test_no_loopback(text: str) -> None:
    assert not is_loopback(text)


@pytest.mark.parametrize("text", ["1", "64", "007"])
def test_jobs(text: str) -> None:
    assert parse_jobs(text) == int(text)


@pytest.mark.parametrize("text", ["0", "65", "-1", "1.5", "four", "00640", "\u0664", "9" * 5000])
def test_no_jobs(text: str) -> None:
    with pytest.raises(ValueError, match="expected a whole number from 1 to 64"):
        parse_jobs(text)


@pytest.mark.parametrize("text", ["abcdef", "a" * 41, "abcdefg", "", "0123abc "])
def test_no_commits(text: str) -> None:
    with pytest.raises(ValueError, match="7 to 40 hexadecimal digits"):
        parse_git_sha(text)


@pytest.mark.parametrize("text", ["hunter2", "env://", "ENV://X", "http://x", "env:X", ""])
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_secret_address(text)
    if text == "hunter2":
        assert text not in str(caught.value)


def test_lists() -> None:
    assert split("1, 2 3,,1\n") == ["1", "2", "3", "1"]
    assert split(" , ") == []
