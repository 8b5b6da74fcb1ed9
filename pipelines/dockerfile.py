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
_WITH_HEREDOCS = ("ADD", "COPY", "RUN", "ONBUILD")
# Options of a mount, on one line and without quotes within.
_MOUNT = re.compile(r"--mount=(?P<quote>[\"']?)(?P<options>[^\s\"'\\`]+)(?P=quote)(?=\s|$)")
_DEFAULT = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*):(?P<sign>[-+])(?P<word>[^{}]*)\}")


def _heredocs(line: str) -> Iterator[re.Match[str]]:
    """Where here-documents are begun: not in a comment, and not in quotes."""
    for mark in [] if line.lstrip().startswith("#") else _HEREDOC.finditer(line):
        if not any(line.count(quote, 0, mark.start()) % 2 for quote in "'\""):
            yield mark


def parser_of(text: str) -> DockerfileParser:
    """A parser of the text, its here-documents blanked: it would take their lines for instructions."""
    lines = text.split("\n")
    number, continued, instruction = 0, False, ""
    while number < len(lines):
        line = lines[number].strip()
        if line and not line.startswith("#"):
            instruction = instruction if continued else line.split()[0].upper()
            continued = line.endswith(("\\", "`"))
        for mark in _heredocs(lines[number]) if instruction in _WITH_HEREDOCS else ():
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


class Stage(NamedTuple):
    """A FROM line.

    :param platform: its flag; None without one, empty for a variable that only the engine knows.
    :param lines: first and last, from 0.
    :param written: its words as they stand there, the instruction left out.
    """

    base: str
    name: str | None
    platform: str | None
    lines: tuple[int, int]
    written: tuple[str, ...]


def stages_of(text: str, args: Mapping[str, str], platform: Platform) -> list[Stage]:
    """The stages, build arguments put in where they stand before the first FROM."""
    parser = parser_of(text)
    # A build argument overrides an automatic one, declared or not; others are seen from their ARG line on.
    known = {name: args.get(name, value) for name, value in _automatic(platform).items()}
    stages: list[Stage] = []
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
            stages.append(
                Stage(
                    base=words[0] if words else "",
                    name=words[2] if named else None,
                    platform=flag,
                    lines=(step["startline"], step["endline"]),
                    written=tuple(step["value"].split()),
                )
            )
    return stages


def base_image(text: str, *, args: Mapping[str, str], target: str | None, platform: Platform) -> str | None:
    """The image that the built stage stands on, through stages named in the same file; None for `scratch`.

    :param args: build arguments, which override the defaults of `ARG` lines before the first `FROM`.
    :param platform: platform that is built for.
    """
    stages = stages_of(text, args, platform)
    if not stages:
        return None
    # Names of stages are compared without regard to case, and a stage sees only those before it.
    standing_on: dict[str, str] = {}
    base = ""
    for stage in stages:
        base = standing_on.get(stage.base.lower(), stage.base)
        if stage.name:
            standing_on[stage.name.lower()] = base
    base = standing_on.get(target.lower(), base) if target else base
    return None if base == "scratch" else base


def stage_names(text: str) -> list[str]:
    """What each stage may be called by as a target: its name, or else its number, as BuildKit counts them."""
    stages = stages_of(text, {}, Platform("linux/amd64"))
    return [stage.name or str(number) for number, stage in enumerate(stages)]


def without_cache(text: str) -> str:
    """The Dockerfile with a build argument after each FROM, so that its value decides about every RUN step's cache.

    The engine has no switch for a build without cache. It takes the argument into the image's environment: take it away
    from there again.
    """
    ends = {step["endline"] for step in parser_of(text).structure if step["instruction"] == "FROM"}
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        lines.append(line)
        if number in ends:
            lines.append(f"ARG {NO_CACHE_ARG}")
    return "\n".join(lines)


def with_own_caches(text: str, name: str) -> str:
    """The Dockerfile with other cache mounts, shared by those steps that shared one before.

    What a mount is called by is its `id`, or else its target (Dockerfile reference, "RUN --mount=type=cache").

    :param name: before what each is called by.
    """

    def renamed(mount: re.Match[str]) -> str:
        options = mount_options(mount["options"])
        if not is_cache(options):
            return mount[0]
        called = next((options[key] for key in ("id", "target", "dst", "destination") if key in options), "")
        # Where an option is given twice, the last one counts.
        return f"--mount={mount['quote']}{mount['options']},id={name}{called}{mount['quote']}"

    return _MOUNT.sub(renamed, text)


def mount_options(text: str) -> dict[str, str]:
    """`type=cache,target=/c` as a mapping; keys are compared without regard to case."""
    return {key.lower(): value for key, _, value in (option.partition("=") for option in text.split(","))}


def is_cache(options: Mapping[str, str]) -> bool:
    """Whether that mount is a cache, which outlives the build."""
    return options.get("type", "").lower() == "cache"


def cache_mounts(text: str) -> int:
    """How many cache mounts `with_own_caches` sees."""
    return sum(is_cache(mount_options(mount["options"])) for mount in _MOUNT.finditer(text))
