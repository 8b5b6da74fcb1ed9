"""The same commit gives the same image, whenever, wherever and with whatever caches it is built."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.scratch import Registry, Scratch, run

# All that a build leaves behind that tells when it ran: times of files and folders, of a source in its compiled file,
# files that a cache mount had already. And what must stay as it is: an extended attribute, what was deleted.
GOOD = """\
FROM python:3.11-slim-bookworm AS build
RUN --mount=type=cache,id=reproduce,target=/cache test ! -e /cache/filled && touch /cache/filled
RUN --mount=type=cache,id=reproduce,target=/cache test -e /cache/filled && echo once > /built
FROM python:3.11-slim-bookworm
RUN mkdir /app && echo 'x = 1' > /app/m.py && python3 -m compileall -q /app && rm -r /etc/apt
RUN touch /app/tool && python3 -c 'import os; \\
  os.setxattr("/app/tool", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))'
ARG SOURCE_DATE_EPOCH
RUN echo "$SOURCE_DATE_EPOCH" > /app/epoch
COPY . /app
COPY --from=build /built /app/built
USER 1001:1001
"""
ON_GOOD = """\
ARG GOOD_IMAGE
FROM ${GOOD_IMAGE}
COPY server.py /other.py
"""
BAD = """\
FROM python:3.11-slim-bookworm
RUN touch /etc/a-file
RUN mkdir -p /app && date +%s%N > /etc/stamp && date > /etc/stamp.too
USER 1001:1001
"""


@pytest.fixture(scope="module")
def repository(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Three services that nothing publishes."""
    root = tmp_path_factory.mktemp("reproduce") / "repository"
    root.mkdir()
    (root / ".gitignore").write_text("dist/\nimages/\n.env\n")
    made = Scratch(root=root, env=dict(engine), registry=Registry(prefix="", env=engine))
    for name, dockerfile, settings in (
        ("good", GOOD, {}), ("on-good", ON_GOOD, {"needs": {"good": "GOOD_IMAGE"}}), ("bad", BAD, {}),
    ):  # fmt: skip
        made.service(name, dockerfile=dockerfile, settings={"boot": None, **settings})
    made.commit()
    return made


def answer(repository: Scratch, code: int, *arguments: str) -> dict[str, Any]:
    done = repository.sealift("reproduce", "--json", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_what_only_the_clock_and_the_caches_change_is_the_same_and_is_what_is_released(repository: Scratch) -> None:
    made = answer(repository, 0, "on-good")
    assert made["same"] is True
    digests = {image["service"]: image["digests"] for image in made["images"]}
    assert set(digests) == {"good", "on-good"}
    # An ordinary build, with caches, of files that were written at another time.
    for path in repository.root.glob("services/good/*"):
        os.utime(path, (1, 1))
    built = repository.sealift("build", "--json", "--service", "on-good", "--export", "images")
    assert built.returncode == 0, built.stderr
    assert {image["service"]: [image["digest"]] * 2 for image in json.loads(built.stdout)} == digests
    under, over = (layers(repository.root / f"images/{name}-linux-amd64.tar") for name in ("good", "on-good"))
    assert over[: len(under)] == under, "what an image stands on was written once more"
    assert len(over) == len(under) + 1
    commit = int(run(["git", "log", "-1", "--format=%ct"], cwd=repository.root).stdout)
    base, *_, own = under
    assert commit not in base.times, "the base's layers do not stay as they are"
    assert own.times == over[-1].times == {commit}


@dataclass(frozen=True)
class Layer:
    """Its digest, and the times of what is in it."""

    digest: str
    times: set[float]


def layers(archive: Path) -> list[Layer]:
    """The layers of the only image in an OCI archive."""
    with tarfile.open(archive) as layout:

        def blob(name: str) -> IO[bytes]:
            file = layout.extractfile(name)
            assert file is not None
            return file

        (image,) = json.load(blob("index.json"))["manifests"]
        manifest = json.load(blob("blobs/" + image["digest"].replace(":", "/")))
        found = []
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob("blobs/" + layer["digest"].replace(":", "/")), mode="r:gz") as content:
                found.append(Layer(layer["digest"], {entry.mtime for entry in content}))
        return found


def test_a_step_that_asks_the_clock_is_named_with_its_file(repository: Scratch) -> None:
    done = repository.sealift("reproduce", "bad")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "DIFFERENT: 1 of 1 images." in done.stdout
    assert "date +%s%N" in done.stdout
    assert "first in it /etc/stamp: content " in done.stdout
