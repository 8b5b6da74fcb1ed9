"""What the pipeline needs to know of a Dockerfile, read with dockerfile-parse."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dockerfile_parse import DockerfileParser
from dockerfile_parse.util import WordSplitter

from pipelines.model import Platform

NO_CACHE_ARG = "SEALIFT_NO_CACHE"
"""Build argument whose value every RUN step sees in a build without cache."""

# A word `<<EOF`, `<<-EOF` or `<<'EOF'`, with a file descriptor before it perhaps; not the shell's `<<<` and `1<<n`.
_HEREDOC = re.compile(r"(?:^|\s)\d*<<-?(?P<quote>['\"]?)(?P<end>[A-Za-z_]\w*)(?P=quote)(?=\s|$)")
# `COPY --from=NAME`, and `RUN --mount=type=bind,from=NAME,…`.
_COPIED = re.compile(r"--(?:from=|mount=[^\s]*?\bfrom=)(?P<quote>[\"']?)(?P<name>[^\s,\"']+)(?P=quote)")
_MOUNT = re.compile(r"(?P<flag>--mount=[\"']?)(?P<options>[^\s\"']+)")
_DEFAULT = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*):(?P<sign>[-+])(?P<word>[^{}]*)\}")


def _parser(text: str) -> DockerfileParser:
    """A parser of the text, its here-documents blanked: it would take their lines for instructions."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        marks = [] if lines[number].lstrip().startswith("#") else _HEREDOC.finditer(lines[number])
        for mark in marks:
            ends = (at for at in range(number + 1, len(lines)) if lines[at].strip() == mark["end"])
            end = next(ends, number)
            lines[number + 1 : end + 1] = [""] * (end - number)
            number = end
        number += 1
    return DockerfileParser(fileobj=io.BytesIO("\n".join(lines).encode()))


def _with_defaults(value: str, known: Mapping[str, str]) -> str:
    """`${NAME:-word}` and `${NAME:+word}` put in, which dockerfile-parse does not know."""

    def chosen(found: re.Match[str]) -> str:
        given = known.get(found["name"], "")
        return (given or found["word"]) if found["sign"] == "-" else (given and found["word"])

    return _DEFAULT.sub(chosen, value)


def _automatic(platform: Platform) -> dict[str, str]:
    """The arguments that BuildKit sets by itself before the first FROM (Dockerfile reference, "Automatic platform
    ARGs in the global scope"), as far as the target decides them."""
    system, machine, variant = (*platform.split("/"), "")[:3]
    return {"TARGETPLATFORM": platform, "TARGETOS": system, "TARGETARCH": machine, "TARGETVARIANT": variant}


class External(NamedTuple):
    """An image from a registry that a Dockerfile names.

    :param platform: None for the one that is built for, empty for the one that is built on.
    """

    reference: str
    platform: str | None = None

    def __str__(self) -> str:
        return self.reference if self.platform is None else f"{self.reference} for {self.platform or 'the builder'}"


class _Stage(NamedTuple):
    """A FROM line; `platform` as it is written there."""

    base: str
    name: str | None
    platform: str | None


def _stages(text: str, args: Mapping[str, str], platform: Platform) -> list[_Stage]:
    """The stages, build arguments put in where they stand before the first FROM."""
    parser = _parser(text)
    # A build argument overrides an automatic one, declared or not; others are seen from their ARG line on.
    known = {name: args.get(name, value) for name, value in _automatic(platform).items()}
    stages: list[_Stage] = []
    for step in parser.structure:
        if step["instruction"] not in ("ARG", "FROM"):
            continue
        words = list(WordSplitter(_with_defaults(step["value"], known), args=known).split())
        if step["instruction"] == "ARG" and not stages:
            for word in words:
                key, given, default = word.partition("=")
                known[key] = args.get(key, default if given else known.get(key, ""))
        elif step["instruction"] == "FROM":
            flag = next((word.partition("=")[2] for word in words if word.startswith("--platform=")), None)
            words = [word for word in words if not word.startswith("--")]
            named = len(words) >= 3 and words[1].upper() == "AS"
            stages.append(_Stage(words[0] if words else "", words[2] if named else None, flag))
    return stages


def base_image(text: str, *, args: Mapping[str, str], target: str | None, platform: Platform) -> str | None:
    """The image that the built stage stands on, through stages named in the same file; None for `scratch`.

    :param args: build arguments, which override the defaults of `ARG` lines before the first `FROM`.
    :param platform: platform that is built for.
    """
    stages = _stages(text, args, platform)
    if not stages:
        return None
    # Names of stages are compared without regard to case, and a stage sees only those before it.
    standing_on: dict[str, str] = {}
    base = ""
    for image, name, _ in stages:
        base = standing_on.get(image.lower(), image)
        if name:
            standing_on[name.lower()] = base
    base = standing_on.get(target.lower(), base) if target else base
    return None if base == "scratch" else base


def stage_names(text: str) -> list[str]:
    """What each stage may be called by as a target: its name, or else its number, as BuildKit counts them."""
    stages = _stages(text, {}, Platform("linux/amd64"))
    return [stage.name or str(number) for number, stage in enumerate(stages)]


def external_images(text: str, *, args: Mapping[str, str], platform: Platform) -> Iterator[External]:
    """Every image that is no stage of the same file: those of FROM, `COPY --from` and `RUN --mount=from=`, once each.

    Stages that the target does not need are looked at too. A name with a `$` in it is one that only the build knows.
    """
    stages = _stages(text, args, platform)
    found: dict[External, None] = {}
    known: set[str] = {"scratch"}
    for stage in stages:
        if stage.base.lower() not in known:
            found[External(stage.base, stage.platform)] = None
        if stage.name:
            known.add(stage.name.lower())
    known |= {str(number) for number in range(len(stages))}
    for step in _parser(text).structure:
        if step["instruction"] in ("COPY", "ADD", "RUN"):
            names = (match["name"] for match in _COPIED.finditer(step["value"]))
            found |= dict.fromkeys(External(name) for name in names if name.lower() not in known)
    return iter(found)


def without_cache(text: str) -> str:
    """The Dockerfile with a build argument after each FROM, so that its value decides about every RUN step's cache.

    The engine has no switch for a build without cache. It takes the argument into the image's environment: take it away
    from there again.
    """
    ends = {step["endline"] for step in _parser(text).structure if step["instruction"] == "FROM"}
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        lines.append(line)
        if number in ends:
            lines.append(f"ARG {NO_CACHE_ARG}")
    return "\n".join(lines)


def with_own_caches(text: str, name: str) -> str:
    """The Dockerfile with other cache mounts: each is empty at first, and shared by those steps that shared one before.

    What a mount is called by is its `id`, or else its target (Dockerfile reference, "RUN --mount=type=cache").
    """

    def renamed(mount: re.Match[str]) -> str:
        options = dict(option.partition("=")[::2] for option in mount["options"].split(","))
        if options.get("type") != "cache":
            return mount[0]
        called = next((options[key] for key in ("id", "target", "dst", "destination") if key in options), "")
        # Where an option is given twice, the last one counts.
        return f"{mount['flag']}{mount['options']},id={called}{name}"

    return _MOUNT.sub(renamed, text)
