from __future__ import annotations

import pytest

from pipelines.dockerfile import NO_CACHE_ARG, base_image, with_own_caches, without_cache
from pipelines.model import Platform

AMD64 = Platform("linux/amd64")

MULTI = """\
# syntax=docker/dockerfile:1
ARG PYTHON=3.11
ARG IMAGE=python:$PYTHON-slim

FROM --platform=$BUILDPLATFORM golang:1.26 AS Build
RUN go build

from ${IMAGE} as runtime
COPY --from=build /out /

FROM runtime
USER 1001
"""


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("FROM alpine:3.20\n", "alpine:3.20"),
        ("FROM alpine:3.20", "alpine:3.20"),
        ("from alpine\nrun x\n", "alpine"),
        ("FROM --platform=linux/amd64 alpine AS x\n", "alpine"),
        ("FROM --platform=$BUILDPLATFORM alpine\n", "alpine"),
        ("FROM host:5000/a/b@sha256:" + "0" * 64 + "\n", "host:5000/a/b@sha256:" + "0" * 64),
        ("ARG A=alpine:3\nFROM $A\n", "alpine:3"),
        ("ARG A=alpine:3\nFROM ${A}\n", "alpine:3"),
        ('ARG A="alpine:3"\nFROM $A\n', "alpine:3"),
        ("ARG A=3 B=20\nFROM alpine:$A.$B\n", "alpine:3.20"),
        ("ARG A=3\nARG B=$A.20\nFROM alpine:$B\n", "alpine:3.20"),
        ("FROM ${A:-alpine:3}\n", "alpine:3"),
        ("ARG A\nFROM ${A:-alpine:3}\n", "alpine:3"),
        ("ARG A=debian\nFROM ${A:-alpine:3}\n", "debian"),
        ("ARG A=1\nFROM alpine${A:+:3}\n", "alpine:3"),
        ("FROM alpine${A:+:3}\n", "alpine"),
        ("FROM scratch\n", None),
        ("FROM alpine AS a\nFROM scratch\nCOPY --from=a / /\n", None),
        ("FROM scratch AS a\nFROM a\n", None),
        ("FROM alpine AS a\nFROM a AS b\nFROM b\n", "alpine"),
        ("FROM alpine AS Base\nFROM base\n", "alpine"),
        ("FROM alpine AS base\nFROM base AS alpine\nFROM alpine\n", "alpine"),
        ("FROM python AS python\n", "python"),
        ("FROM \\\n  --platform=linux/amd64 \\\n  alpine:3 \\\n  AS x\nRUN y\n", "alpine:3"),
        ("# escape=`\nFROM `\n  alpine:3\n", "alpine:3"),
        ("FROM a\n# FROM b\n", "a"),
        ("FROM a\nRUN python3 <<EOF\nfrom os import path\nEOF\n", "a"),
        ("FROM a\nRUN <<-'END' sh\n\tFROM b\n\tEND\nUSER 1\n", "a"),
        ("FROM a\nRUN cat <<ONE <<TWO\nFROM b\nONE\nFROM c\nTWO\n", "a"),
        ("FROM a\nRUN cat <<<EOF\nFROM b\n", "b"),
        ("FROM a\nRUN echo $((1 <<N))\nFROM b\n", "b"),
        ("FROM a\r\nRUN <<EOF\r\nFROM x\r\nEOF\r\n", "a"),
        # What BuildKit does not take for a here-document hides no FROM line.
        ("FROM a\nRUN echo ' <<CMD'\nFROM b\nCMD\n", "b"),
        ("FROM a\nENV A=1 <<CMD\nFROM b\nCMD\n", "b"),
        ("FROM a\nRUN x \\\n && cat <<EOF\nFROM b\nEOF\n", "a"),
        ("RUN x\n", None),
        ("", None),
    ],
)
def test_base(text: str, base: str | None) -> None:
    assert base_image(text, args={}, target=None, platform=AMD64) == base


@pytest.mark.parametrize(
    ("args", "base"),
    [
        ({}, "python:3.11-slim"),
        ({"PYTHON": "3.13"}, "python:3.13-slim"),
        ({"IMAGE": "localhost:5000/aidb@sha256:" + "1" * 64}, "localhost:5000/aidb@sha256:" + "1" * 64),
        ({"BUILDPLATFORM": "linux/arm64"}, "python:3.11-slim"),
    ],
)
def test_build_arguments_override_defaults(args: dict[str, str], base: str) -> None:
    assert base_image(MULTI, args=args, target=None, platform=AMD64) == base


@pytest.mark.parametrize(
    ("target", "base"), [(None, "python:3.11-slim"), ("runtime", "python:3.11-slim"), ("build", "golang:1.26")]
)
def test_the_target_decides_which_stage_is_asked_about(target: str | None, base: str) -> None:
    assert base_image(MULTI, args={}, target=target, platform=AMD64) == base


@pytest.mark.parametrize(
    ("text", "platform", "base"),
    [
        ("FROM img:${TARGETARCH}\n", "linux/amd64", "img:amd64"),
        ("FROM img:$TARGETARCH$TARGETVARIANT\n", "linux/arm/v7", "img:armv7"),
        ("FROM img:$TARGETARCH${TARGETVARIANT:+-}$TARGETVARIANT\n", "linux/arm64", "img:arm64"),
        ("FROM --platform=$TARGETPLATFORM $TARGETOS/img\n", "linux/arm64", "linux/img"),
        ("ARG TARGETARCH\nARG BASE=img:$TARGETARCH\nFROM $BASE\n", "linux/arm64", "img:arm64"),
        ("ARG TARGETARCH=riscv64\nFROM img:$TARGETARCH\n", "linux/arm64", "img:riscv64"),
        ("FROM amd AS amd64\nFROM arm AS arm64\nFROM $TARGETARCH\n", "linux/arm64", "arm"),
        ("FROM a-${TARGETARCH} AS a\nARG TARGETARCH\nFROM a\n", "linux/arm64", "a-arm64"),
    ],
)
def test_the_automatic_arguments_of_the_platform(text: str, platform: str, base: str) -> None:
    assert base_image(text, args={}, target=None, platform=Platform(platform)) == base


def test_a_build_argument_overrides_an_automatic_one() -> None:
    given = {"TARGETARCH": "riscv64"}
    for text in ("FROM img:$TARGETARCH\n", "ARG TARGETARCH\nFROM img:$TARGETARCH\n"):
        assert base_image(text, args=given, target=None, platform=AMD64) == "img:riscv64"


def test_an_argument_after_the_first_from_does_not_count() -> None:
    assert base_image("FROM a AS x\nARG B=b\nFROM c$B\n", args={"B": "d"}, target=None, platform=AMD64) == "c"


@pytest.mark.parametrize(
    "text",
    [
        MULTI,
        "FROM a",
        "FROM a\n",
        "FROM a\r\nRUN x \\\r\n  && y\r\n",
        "FROM a\n\n\n",
        "FROM a\nENV X='one\x0ctwo\u2028three'\nRUN x\n",
        "FROM a\nRUN python3 <<EOF\nfrom os import path\nprint('\\\\')\nEOF\nFROM b\nRUN x\n",
        "FROM \\\n  a \\\n  AS x\nRUN y\n\tfrom x\n",
        "# escape=`\nFROM `\n  a\nRUN dir C:\\\n",
    ],
)
def test_without_cache_adds_its_argument_and_keeps_the_rest_byte_for_byte(text: str) -> None:
    added = f"\nARG {NO_CACHE_ARG}"
    changed = without_cache(text)
    assert changed != text
    assert changed.replace(added, "") == text
    # Once in each stage, and each stage's base is still what it was.
    assert changed.count(added) == len(
        [line for line in text.split("\n") if line.lower().strip().startswith("from ")]
    ) - ("from os" in text)
    assert base_image(changed, args={}, target=None, platform=AMD64) == base_image(
        text, args={}, target=None, platform=AMD64
    )


def test_without_cache_puts_the_argument_right_after_each_from() -> None:
    assert without_cache("ARG A=b\nFROM \\\n  $A AS x\nRUN y\nfrom x\nRUN z\n") == (
        f"ARG A=b\nFROM \\\n  $A AS x\nARG {NO_CACHE_ARG}\nRUN y\nfrom x\nARG {NO_CACHE_ARG}\nRUN z\n"
    )


def test_without_cache_leaves_here_documents_alone() -> None:
    text = "FROM a\nRUN python3 <<EOF\nfrom os import path\nEOF\n"
    assert without_cache(text) == f"FROM a\nARG {NO_CACHE_ARG}\nRUN python3 <<EOF\nfrom os import path\nEOF\n"


@pytest.mark.parametrize(
    ("mount", "becomes"),
    [
        ("type=cache,target=/c", "type=cache,target=/c,id=own//c"),
        ("type=cache,id=pip-$TARGETARCH,target=/c", "type=cache,id=pip-$TARGETARCH,target=/c,id=own/pip-$TARGETARCH"),
        ("target=/c,type=cache,sharing=locked", "target=/c,type=cache,sharing=locked,id=own//c"),
        ("Type=Cache,DST=/c", "Type=Cache,DST=/c,id=own//c"),
        ("type=secret,id=cache", "type=secret,id=cache"),
        ("type=bind,from=cache,target=/c", "type=bind,from=cache,target=/c"),
    ],
)
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_cache_mounts_get_names_of_their_own(mount: str, becomes: str, quote: str) -> None:
    text = "FROM a\nRUN --mount=type=tmpfs,target=/t \\\n  --mount={0}{1}{0} true\n"
    assert with_own_caches(text.format(quote, mount), "own/") == text.format(quote, becomes)
