"""Which runner of GitHub Actions a platform is built on, without emulation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pipelines.errors import ConfigError, shown
from pipelines.model import Platform

HOSTED: Final[Mapping[Platform, str]] = {
    Platform("linux/amd64"): "ubuntu-24.04",
    Platform("linux/arm64"): "ubuntu-24.04-arm",
}
"""GitHub's own (its documentation, "GitHub-hosted runners reference")."""

# It stands in a workflow's YAML and on a command line there: what would have to be quoted in either is no label.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def parse_runner(text: str) -> tuple[Platform, str]:
    """The platform and the label of `linux/arm64=LABEL`.

    :raises ValueError: if the text is no such pair.
    """
    platform, _, label = text.partition("=")
    if not _LABEL.fullmatch(label):
        raise ValueError(f"{shown(text)}: expected PLATFORM=LABEL, such as linux/arm64=ubuntu-24.04-arm")
    return Platform(platform), label


def runners_for(platforms: Iterable[Platform], runners: Mapping[Platform, str]) -> dict[Platform, str]:
    """The runner of each of these platforms.

    :raises ConfigError: a platform has none.
    """
    wanted = tuple(platforms)
    if missing := [platform for platform in wanted if platform not in runners]:
        raise ConfigError(
            f"no runner is known that builds for {', '.join(missing)}",
            remedy="name one for each: " + " ".join(f"--runner {platform}=LABEL" for platform in missing),
        )
    return {platform: runners[platform] for platform in wanted}
