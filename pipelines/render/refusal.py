"""Everything that keeps manifests from being changed, told at once."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.config.problems import Problem, in_order
from pipelines.errors import ConfigError
from pipelines.render.images import NO_RECORD

_MOST_SHOWN = 50
_UNKNOWN = (
    "; for an image of another release name the record of that one, or leave it as it is with --keep NAME,"
    " or say with --map REPOSITORY=SERVICE whose image takes its place"
)


def refuse(problems: Sequence[Problem]) -> None:
    """:raises ConfigError: always, with all of them."""
    ordered = in_order(problems)
    lines = [f"  {problem}" for problem in ordered[:_MOST_SHOWN]]
    if more := len(ordered) - len(lines):
        lines.append(f"  … and {more:,} more")
    count = f"{len(ordered)} problem{'s' if len(ordered) != 1 else ''} in the manifests; nothing was written"
    raise ConfigError(
        "\n".join([count, *lines]),
        remedy="mend each line above and run again" + (_UNKNOWN if any(NO_RECORD in line for line in lines) else ""),
        step="render",
    )
