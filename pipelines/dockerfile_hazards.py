"""What a Dockerfile may not ask for, since it may be somebody else's: found wherever and however it is written.

Of what is an instruction and what a here-document, of a flag in quotes or over several lines, another parser than
BuildKit's may think otherwise. These look at the text, and rather see too much than too little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pipelines.dockerfile import cache_mounts, is_cache, mount_options

_CONTINUED = re.compile(r"[\\`][ \t\r]*\n")
_QUOTES = re.compile(r"[\\`'\"]")
_HOST_FLAGS = ("--network=host", "--security=insecure")
_ADD = re.compile(r"(?im)^\s*(?:ONBUILD\s+)?ADD\s+(?P<flags>(?:--\S+\s+)*)(?P<rest>.+)$")
_MOUNT = re.compile(r"--mount=(?P<options>\S+)")
_SCHEMES = ("http://", "https://")
_PINNED = re.compile(r"#[0-9a-f]{40}(?:[:?]|$)")


def hazards(text: str) -> Iterator[str]:
    """Everything of it, each with what to do."""
    for flag in host_flags(text):
        yield f"has {flag}: a build step gets nothing of the host; take it out"
    for source in unverified_downloads(text):
        yield (
            f"ADD {source}: what it fetches may be another thing tomorrow, and it is the engine that fetches it, from"
            " its own network; write 'ADD --checksum=sha256:…', or the full commit behind a git repository's '#'"
        )
    if unclear_caches(text):
        yield (
            "has a cache mount that is written in a way that is not understood; write each '--mount=type=cache,…' on"
            " one line, without quotes within it and without a variable for its type"
        )


def host_flags(text: str) -> list[str]:
    """Flags that would let a RUN step out of its sandbox: onto the host's network, or to root's capabilities."""
    joined = _QUOTES.sub("", _joined(text))
    return [flag for flag in _HOST_FLAGS if flag in joined]


def unverified_downloads(text: str) -> list[str]:
    """Sources of ADD that are fetched over HTTP and may be anything: neither a checksum nor a commit is named.

    What has a checksum tells a Dockerfile nothing that its author did not know. A source that begins with a variable
    may be an address.
    """
    found: list[str] = []
    for step in _ADD.finditer(_joined(text)):
        if "--checksum=" in step["flags"]:
            continue
        found += [one for one in _sources(step["rest"]) if _may_be_fetched(one) and not _PINNED.search(one)]
    return found


def _sources(rest: str) -> list[str]:
    """The words of an ADD but the last, in either form (Dockerfile reference, "ADD")."""
    try:
        words = [str(word) for word in json.loads(rest)]
    except (ValueError, TypeError):
        words = _QUOTES.sub("", rest).split()
    return words[:-1] or words


def _may_be_fetched(source: str) -> bool:
    literal = source.partition("$")[0].lower()
    if literal == source.lower():
        return literal.startswith(_SCHEMES)
    return any(scheme.startswith(literal) or literal.startswith(scheme) for scheme in _SCHEMES)


def unclear_caches(text: str) -> bool:
    """Whether there may be a cache mount that `with_own_caches` does not see: it would be another project's too."""
    mounts = (mount_options(found["options"]) for found in _MOUNT.finditer(_QUOTES.sub("", _joined(text))))
    caches = sum(is_cache(options) or "$" in options.get("type", "") for options in mounts)
    return caches != cache_mounts(_without_comments(text))


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#"))


def _joined(text: str) -> str:
    """Each instruction on one line, without comments and empty lines."""
    return _CONTINUED.sub("", _without_comments(text))
