"""The lock as data: what it looks like, and in what it is out of date."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from pipelines.errors import ConfigError
from pipelines.lock import Lock, Locked, Needed, Wanted, differences, tool_images
from pipelines.model import Digest, Platform

AMD64, ARM64 = Platform("linux/amd64"), Platform("linux/arm64")
PYTHON, TRIVY = "docker.io/library/python:3.11", "ghcr.io/aquasecurity/trivy:0.69.3"


def digest(letter: str) -> Digest:
    return Digest("sha256:" + letter * 64)


def entry(name: str, letter: str, *platforms: str) -> Locked:
    there = {Platform(platform): digest("0") for platform in platforms or ("linux/amd64", "linux/arm64/v8")}
    return Locked(name=name, index=digest(letter), platforms=there)


LOCK = Lock(project="shop", bases={PYTHON: entry(PYTHON, "a")}, tools={"trivy": entry(TRIVY, "b")})
WANTED = Wanted(
    bases={PYTHON: Needed(platforms=frozenset({AMD64, ARM64}), place="Dockerfile:1")}, tools={"trivy": TRIVY}
)


def test_the_file_is_sorted_and_says_how_it_was_made() -> None:
    other = entry("docker.io/library/alpine:3", "c", "linux/arm64", "linux/amd64")
    made = replace(LOCK, bases={**LOCK.bases, other.name: other})
    text = made.text()
    assert text.startswith("# Made by 'sealift lock'")
    assert yaml.safe_load(text) == {
        "version": 1,
        "project": "shop",
        "bases": {name: made.bases[name].as_json() for name in made.bases},
        "tools": {"trivy": {"image": TRIVY, **LOCK.tools["trivy"].as_json()}},
    }
    assert list(yaml.safe_load(text)["bases"]) == [other.name, PYTHON]
    assert text.index("linux/amd64") < text.index("linux/arm64")
    assert text == replace(made, bases=dict(reversed(made.bases.items()))).text()
    assert "rebuilt" not in text


def test_what_is_in_order() -> None:
    assert differences(LOCK, WANTED) == []


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (None, {"missing docker.io/library/python:3.11: Dockerfile:1 names it", f"missing tool trivy: it is {TRIVY}"}),
        (
            replace(LOCK, bases={"docker.io/library/python:3.10": entry("x", "a")}),
            {
                "missing docker.io/library/python:3.11: Dockerfile:1 names it",
                "unused docker.io/library/python:3.10: no Dockerfile names it",
            },
        ),
        (
            replace(LOCK, bases={PYTHON: entry(PYTHON, "a", "linux/amd64", "linux/arm/v7")}),
            {f"platforms {PYTHON}: has no linux/arm64, which Dockerfile:1 is built for"},
        ),
        (
            replace(LOCK, tools={"trivy": entry("docker.io/aquasec/trivy:0.69.3", "b")}),
            {f"renamed tool trivy: it is {TRIVY} now, not docker.io/aquasec/trivy:0.69.3"},
        ),
    ],
)
def test_what_is_out_of_date(lock: Lock | None, said: set[str]) -> None:
    assert {f"{one.kind} {one.entry}: {one.what}" for one in differences(lock, WANTED)} == said


def test_tools_are_run_by_their_digests() -> None:
    assert tool_images(WANTED.tools, None) == WANTED.tools
    assert tool_images(WANTED.tools, LOCK) == LOCK.tools
    assert LOCK.tools["trivy"].reference == f"{TRIVY}@sha256:{'b' * 64}"


def test_a_lock_without_a_tool_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        tool_images({**WANTED.tools, "syft": "ghcr.io/anchore/syft:v1"}, LOCK)
    assert "tool syft: missing: it is ghcr.io/anchore/syft:v1" in str(caught.value)
    assert "run 'sealift lock'" in caught.value.remedy


def test_a_tool_that_is_named_by_its_digest_needs_no_lock() -> None:
    image = f"{TRIVY}@{digest('c')}"
    assert tool_images({"trivy": image}, replace(LOCK, tools={})) == {"trivy": image}
    assert [one.kind for one in differences(LOCK, replace(WANTED, tools={}))] == ["unused"]
    assert tool_images({"trivy": image}, LOCK) == {"trivy": image}
