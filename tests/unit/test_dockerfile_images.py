"""The images that a Dockerfile names, their lines, and the file with digests behind them."""

from __future__ import annotations

import pytest

from pipelines.dockerfile_images import (
    External,
    Unpinnable,
    arguments,
    external_images,
    named_images,
    pinned,
)
from pipelines.model import Platform
from tests.unit.test_dockerfile import AMD64, MULTI


@pytest.mark.parametrize(
    ("text", "images"),
    [
        (MULTI, [External("golang:1.26", ""), External("python:3.11-slim")]),
        ("FROM scratch\n", []),
        ("FROM --platform=linux/arm64 a AS b\nFROM B\n", [External("a", "linux/arm64")]),
        ("FROM a\nCOPY --chown=1:1 --from=b:2 /x /\nADD --from=0 /x /\n", [External("a"), External("b:2")]),
        ("FROM a AS x\nFROM c\nCOPY --from=X /x /\nCOPY --from=1 / /\n", [External("a"), External("c")]),
        (
            "FROM a\nRUN --mount=type=cache,target=/c --mount=type=bind,from=b,target=/b true\n",
            [External("a"), External("b")],
        ),
        ("FROM a\nRUN \\\n  --mount=from=b,target=/b \\\n  true\n", [External("a"), External("b")]),
        ("FROM a\nFROM a\n", [External("a")]),
        ("FROM a-${TARGETARCH}\n", [External("a-amd64")]),
        ("FROM a AS amd64\nFROM $TARGETARCH\n", [External("a")]),
        ("FROM $A\n", [External("")]),
    ],
)
def test_images_from_elsewhere(text: str, images: list[External]) -> None:
    assert list(external_images(text, args={}, platform=AMD64)) == images


def test_what_a_command_is_given_names_no_image() -> None:
    text = "FROM a\nRUN tool --from=b --mount=from=c\nCOPY --chown=1:1 --from=d /x --from=e /y\n"
    assert [image.reference for image in external_images(text, args={}, platform=AMD64)] == ["a", "d"]


def test_every_image_has_its_line() -> None:
    text = "# x\nFROM a AS one\nRUN y \\\n  z\nFROM \\\n  b\nCOPY --from=c / /\nRUN \\\n --mount=from=a true\nFROM a\n"
    found = [(named.image.reference, named.line) for named in named_images(text, args={}, platform=AMD64)]
    assert found == [("a", 2), ("b", 5), ("a", 10), ("c", 7), ("a", 8)]


D = "sha256:" + "d" * 64


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("FROM a:1\n", f"FROM a:1@{D}\n"),
        ("from a:1 as x\nRUN y\n", f"FROM a:1@{D} as x\nRUN y\n"),
        ("FROM --platform=$BUILDPLATFORM a:1 AS b\n", f"FROM --platform=$BUILDPLATFORM a:1@{D} AS b\n"),
        ("ARG V=1\nARG IMAGE=a\nFROM ${IMAGE}:$V\n", f"ARG V=1\nARG IMAGE=a\nFROM a:1@{D}\n"),
        ("FROM \\\n  a:1 \\\n  AS x\nRUN y\n", f"FROM a:1@{D} AS x\n\n\nRUN y\n"),
        ("FROM b\nFROM a:1\n", f"FROM b\nFROM a:1@{D}\n"),
        ("FROM a:1 AS x\nFROM x\nCOPY --from=x / /\n", f"FROM a:1@{D} AS x\nFROM x\nCOPY --from=x / /\n"),
        ("FROM b\nCOPY --chown=1 --from=a:1 /x /\n", f"FROM b\nCOPY --chown=1 --from=a:1@{D} /x /\n"),
        (
            "FROM b\nRUN --mount=type=bind,from=a:1,target=/b --mount=type=cache,target=/c x --from=a:1\n",
            f"FROM b\nRUN --mount=type=bind,from=a:1@{D},target=/b --mount=type=cache,target=/c x --from=a:1\n",
        ),
        (
            "FROM b\nRUN \\\n  # from=a:1\n  --mount=from=a:1,target=/b \\\n  true\n",
            f"FROM b\nRUN \\\n  # from=a:1\n  --mount=from=a:1@{D},target=/b \\\n  true\n",
        ),
        ('FROM b\nCOPY --from="a:1" / /\n', f'FROM b\nCOPY --from="a:1@{D}" / /\n'),
        ("FROM b\nRUN <<EOF\nFROM a:1\nEOF\n", "FROM b\nRUN <<EOF\nFROM a:1\nEOF\n"),
        ("FROM scratch\n", "FROM scratch\n"),
        (f"FROM a:1@{D}\n", f"FROM a:1@{D}\n"),
    ],
)
def test_digests_are_put_behind_images_and_every_line_stays(text: str, new: str) -> None:
    assert pinned(text, args={}, platform=AMD64, digests={"a:1": D}) == new
    assert new.count("\n") == text.count("\n")


def test_each_platform_has_its_own_image() -> None:
    digests = {"a-amd64": D, "a-arm64": "sha256:" + "e" * 64}
    for platform in ("amd64", "arm64"):
        made = pinned("FROM a-$TARGETARCH\n", args={}, platform=Platform(f"linux/{platform}"), digests=digests)
        assert made == f"FROM a-{platform}@{digests[f'a-{platform}']}\n"


def test_the_image_of_another_service_is_left_alone() -> None:
    args = arguments({"V": "1"}, {"web": "BASE"})
    text = "ARG BASE\nARG V\nFROM a:$V AS x\nFROM ${BASE}\n"
    assert pinned(text, args=args, platform=AMD64, digests={"a:1": D}) == text.replace("a:$V", f"a:1@{D}")


def test_what_is_written_in_pieces_is_not_pinned_by_half() -> None:
    with pytest.raises(Unpinnable, match="write each flag") as caught:
        pinned("FROM b\nCOPY --from=\\\na:1 / /\n", args={}, platform=AMD64, digests={"a:1": D})
    assert caught.value.line == 2
