from __future__ import annotations

import pytest

from pipelines.images import parse_image

D = "sha256:" + "d" * 64


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("python:3.11", "docker.io/library/python:3.11"),
        ("python", "docker.io/library/python:latest"),
        ("aquasec/trivy:0.69.3", "docker.io/aquasec/trivy:0.69.3"),
        ("index.docker.io/library/python:3", "docker.io/library/python:3"),
        ("localhost/x:1", "localhost/x:1"),
        ("localhost:5000/a/b:1.2", "localhost:5000/a/b:1.2"),
        ("GHCR.io/a/b:1", "ghcr.io/a/b:1"),
        (f"python@{D}", f"docker.io/library/python@{D}"),
        (f"python:3.11@{D}", f"docker.io/library/python:3.11@{D}"),
    ],
)
def test_names_in_full(written: str, full: str) -> None:
    assert str(parse_image(written)) == full
    assert str(parse_image(full)) == full


@pytest.mark.parametrize(
    "written", ["", "a b", "Python:3", "python:", "python@sha256:12", "a/$B:1", "python:-x", "a//b"]
)
def test_what_is_no_image(written: str) -> None:
    with pytest.raises(ValueError, match=r"expected|is not"):
        parse_image(written)


@pytest.mark.parametrize(
    ("written", "numbers", "floats"),
    [
        ("python", 0, "'latest'"),
        ("python:latest", 0, "'latest'"),
        ("node:lts-slim", 0, "'lts'"),
        ("debian:stable-slim", 0, "'stable'"),
        ("app:main", 0, "'main'"),
        ("python:3.14-rc-slim", 0, "'rc'"),
        ("app:1.2.3-alpha.4", 0, ""),
        ("app:nightly-20250131", 0, ""),
        ("debian:bookworm", 0, ""),
        ("gcr.io/distroless/static-debian12:nonroot", 0, ""),
        ("debian:bookworm", 1, "0 of 1"),
        ("node:22-slim", 1, ""),
        ("node:22-slim", 2, "1 of 2"),
        ("python:3.11-slim-bookworm", 2, ""),
        ("python:3.11-slim-bookworm", 3, "2 of 3"),
        ("golang:1.26.8-bookworm", 3, ""),
        ("debian:bookworm-20250131-slim", 3, ""),
        (f"python@{D}", 3, ""),
        (f"python:latest@{D}", 3, ""),
    ],
)
def test_floating_tags(written: str, numbers: int, floats: str) -> None:
    why = parse_image(written).floating(numbers)
    assert (why is None) == (not floats)
    assert floats in (why or "")
