"""Dockerfiles and contexts that cannot be built, through the real command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.bad_input import accepted, problems
from tests.faults.command import WEB, Bare
from tests.scratch import DOCKERFILE


def moved(bare: Bare, target: str | None) -> None:
    """The Dockerfile is not there, or is a link."""
    file = bare.root / "services/web/Dockerfile"
    file.unlink()
    if target:
        file.symlink_to(target)


KEY = "services.web.dockerfile"
DEFAULT = "(the default for this service's Dockerfile)"
DOCKERFILES: dict[str, tuple[Callable[[Bare], object], list[str]]] = {
    "missing": (
        lambda bare: moved(bare, None),
        [f"sealift.yaml:5:3 {KEY}: there is no file 'services/web/Dockerfile' {DEFAULT}"],
    ),
    "outside-the-context": (
        lambda bare: (bare.configure(WEB, "web: {dockerfile: Dockerfile}"), bare.write("Dockerfile", DOCKERFILE)),
        [f"sealift.yaml:5:21 {KEY}: 'Dockerfile' is not inside the service's context, 'services/web'"],
    ),
    "reached-by-dots": (
        lambda bare: bare.configure(WEB, "web: {context: .., dockerfile: services/web/../../../etc/passwd}"),
        [
            "sealift.yaml:5:18 services.web.context: '..' leads out of the repository",
            f"sealift.yaml:5:34 {KEY}: '../etc/passwd' leads out of the repository",
        ],
    ),
    "absolute": (
        lambda bare: bare.configure(WEB, "web: {dockerfile: /etc/passwd}"),
        [f"sealift.yaml:5:21 {KEY}: '/etc/passwd' must be a path from the repository's root"],
    ),
    "a-link-out-of-the-repository": (
        lambda bare: moved(bare, "/etc/passwd"),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' is a link that leads out of the repository {DEFAULT}"],
    ),
    "a-link-out-of-the-context": (
        lambda bare: moved(bare, "../../sealift.yaml"),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' is a link that leads out of the service's context"],
    ),
    "a-link-to-itself": (
        lambda bare: moved(bare, "Dockerfile"),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' "],
    ),
    "a-folder": (
        lambda bare: (moved(bare, None), (bare.root / "services/web/Dockerfile").mkdir()),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' is not a file {DEFAULT}"],
    ),
    "not-utf-8": (
        lambda bare: bare.write("services/web/Dockerfile", b"FROM scratch\n# caf\xe9\n"),
        ["services/web/Dockerfile:2: is not UTF-8 text; save it as UTF-8"],
    ),
    "empty": (
        lambda bare: bare.write("services/web/Dockerfile", ""),
        ["services/web/Dockerfile: has no FROM line: there is nothing to build"],
    ),
    "without-the-target": (
        lambda bare: (
            bare.configure(WEB, "web: {target: runtme}"),
            bare.write("services/web/Dockerfile", "FROM a AS build\nFROM b AS runtime\n"),
        ),
        [
            "sealift.yaml:5:17 services.web.target: services/web/Dockerfile has no stage 'runtme';"
            " did you mean 'runtime'? stages: build, runtime"
        ],
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), DOCKERFILES.values(), ids=DOCKERFILES)
def test_a_dockerfile(bare: Bare, spoil: Callable[[Bare], object], expected: list[str]) -> None:
    spoil(bare)
    found = problems(bare)
    assert len(found) == len(expected)
    for line, begin in zip(found, expected, strict=True):
        assert line.startswith(begin)


@pytest.mark.parametrize("content", ["crlf", "link-inside-the-context"])
def test_a_dockerfile_that_is_unusual_and_right(bare: Bare, content: str) -> None:
    if content == "crlf":
        bare.write("services/web/Dockerfile", DOCKERFILE.replace("\n", "\r\n"))
    else:
        bare.write("services/web/Containerfile", DOCKERFILE)
        moved(bare, "Containerfile")
    accepted(bare)


def gigabyte(path: Path) -> None:
    """A file of 1 GB that takes no room on the disk."""
    path.touch()
    os.truncate(path, 1_000_000_000)


@pytest.mark.parametrize("mended_by", ["dockerignore", "gitignore", "context_budget"])
def test_a_context_of_1_gb_is_refused_before_it_is_sent(bare: Bare, mended_by: str) -> None:
    gigabyte(bare.root / "services/web/dump.tar")
    (found,) = problems(bare)
    assert found == (
        "sealift.yaml:5:3 services.web.context: 'services/web' is 1.0 GB in 3 files, over its budget of 500.0 MB;"
        " the largest: dump.tar (1.0 GB), server.py (0.0 MB), Dockerfile (0.0 MB);"
        " list in services/web/.dockerignore what the image does not need, or raise context_budget"
    )
    if mended_by == "dockerignore":
        bare.write("services/web/.dockerignore", "*.tar\n")
    elif mended_by == "gitignore":
        bare.write(".gitignore", "dump.tar\n")
    else:
        bare.configure(WEB, "web: {context_budget: 2GB}")
    accepted(bare)
