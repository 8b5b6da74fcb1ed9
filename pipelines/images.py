"""What Dockerfiles and settings name images by, parsed at the edge. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.errors import shown
from pipelines.model import Digest, Repository, Tag

# A repository, `:tag` and `@digest`. Compose fills in variables (`:${TAG:-latest}`): in the tag, they change nothing.
_WRITTEN = re.compile(r"(?P<repository>[^@$\s]+?)(?::(?P<tag>[^/:@$\s]*(?:\$.*)?))?(?:@(?P<digest>.*))?", re.DOTALL)
DOCKER_HUB = frozenset({"index.docker.io", "registry-1.docker.io"})
"""Docker Hub's other names."""

_VERSION = re.compile(r"\d+(?:\.\d+)*")
_DATE_DIGITS = 8
WHOLE = 3
"""Numbers of a whole version, which names one release: `1.2.3`."""
# fmt: off
_MOVING = frozenset((
    "alpha", "beta", "canary", "current", "dev", "devel", "develop", "edge", "head", "latest", "lts", "main",
    "mainline", "master", "nightly", "rc", "rolling", "snapshot", "stable", "testing", "trunk", "unstable",
))
# fmt: on
"""Parts of tags that stand for whatever is the newest of its kind, unless there is a whole version beside them."""


def repository_of(written: str) -> str:
    """The repository of an image as it is written, with its registry: `postgres:16` → `docker.io/library/postgres`.

    As Docker reads them (github.com/distribution/reference, `splitDockerDomain`). What is no reference stays as it is.
    """
    found = _WRITTEN.fullmatch(written)
    if found is None:
        return written
    first, slash, rest = found["repository"].partition("/")
    if not slash or not ("." in first or ":" in first or first.lower() == "localhost"):
        path = found["repository"]
        return f"docker.io/{path}" if slash else f"docker.io/library/{path}"
    registry = "docker.io" if first.lower() in DOCKER_HUB else first.lower()
    return f"{registry}/{rest}"


@dataclass(frozen=True, kw_only=True)
class ImageName:
    """An image of some registry, and which one: by tag, by digest, or by both, where the digest decides.

    :param tag: `latest` where neither was written, as every client takes it.
    """

    repository: Repository
    tag: Tag | None
    digest: Digest | None = None

    def __str__(self) -> str:
        """In full: `docker.io/library/python:3.11`, with `@sha256:…` where that was written."""
        return f"{self.name}@{self.digest}" if self.digest else self.name

    @property
    def name(self) -> str:
        """The same without the digest."""
        return self.repository.tagged(self.tag) if self.tag else str(self.repository)

    def floating(self, numbers: int = 0) -> str | None:
        """Why its tag cannot be trusted to stay with one kind of image; None if it has a digest, or can be.

        :param numbers: that the version in the tag must have at least: `3.11-slim` has two. A day, as in `20250131`,
            has them all.
        """
        if self.digest or self.tag is None:
            return None
        there = max(map(_numbers, _VERSION.findall(self.tag)), default=0)
        moving = [part for part in re.split(r"[-_.]", self.tag.lower()) if part in _MOVING]
        if moving and there < WHOLE:
            return f"the tag floats: '{moving[0]}' is whatever is newest"
        if there < numbers:
            return f"the tag floats: its version has {there} of {numbers} numbers"
        return None


def _numbers(version: str) -> int:
    parts = version.split(".")
    return WHOLE if any(len(part) >= _DATE_DIGITS for part in parts) else len(parts)


def parse_image(text: str) -> ImageName:
    """:raises ValueError: it is no reference to an image; the message says what was expected."""
    found = _WRITTEN.fullmatch(text)
    if found is None or "$" in text:
        raise ValueError(f"{shown(text)} is no image; expected for example python:3.11-slim or ghcr.io/owner/name:1.2")
    registry, _, path = repository_of(text).partition("/")
    tag, digest = found["tag"], found["digest"]
    return ImageName(
        repository=Repository(registry=registry, path=path),
        tag=Tag(tag) if tag is not None else None if digest is not None else Tag("latest"),
        digest=Digest(digest) if digest is not None else None,
    )
