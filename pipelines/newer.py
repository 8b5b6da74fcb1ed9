"""Tags that are newer versions of the same variant of an image. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.version import Version

_TAG = re.compile(r"(?P<head>[^0-9]*)(?P<version>[0-9]+(?:\.[0-9]+)*)(?P<tail>.*)")


def newer(tag: str, tags: Iterable[str], *, most: int = 5) -> tuple[str, ...]:
    """The highest first: of `3.11-slim` those like `3.12-slim`, not `3.12`, `3.12.1-slim` or `3.13-rc-slim`.

    What stands before and behind the version makes the variant, and so does how many numbers it has. A tag without a
    version has no newer ones.
    """
    if (ours := _parts(tag)) is None:
        return ()
    like = {other: theirs[1] for other in tags if (theirs := _parts(other)) and theirs[0] == ours[0]}
    higher = sorted((other for other in like if like[other] > ours[1]), key=lambda other: like[other], reverse=True)
    return tuple(higher[:most])


def _parts(tag: str) -> tuple[tuple[str, str, int], Version] | None:
    """The variant, and the version."""
    found = _TAG.fullmatch(tag)
    if found is None:
        return None
    return (found["head"], found["tail"], found["version"].count(".")), Version(found["version"])
