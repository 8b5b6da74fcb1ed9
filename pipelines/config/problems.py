"""Problems found in the configuration: collected first, raised together, one line each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.errors import ConfigError, shown

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top of the file: `("services", "aidb", "platforms", 0)`."""

Finding = tuple[KeyPath, str]
"""A problem that does not know its line yet: key path and message."""

REMEDY = "mend each line above and run again; docs/configuration.md describes every key and variable"

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MOST_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to mend.

    :param source: file as the user named it, or the name of a variable or flag.
    :param line, column: counted from 1; None where there is no text to point at.
    :param where: key path as `render` writes it; empty for the whole source.
    """

    source: str
    message: str
    line: int | None = None
    column: int | None = None
    where: str = ""

    def __str__(self) -> str:
        """`sealift.yaml:14:5 services.aidb.contxt: unknown key; …`, the form that editors and terminals link."""
        position = "".join(f":{number}" for number in (self.line, self.column) if number is not None)
        return f"{self.source}{position}{' ' if self.where else ''}{self.where}: {self.message}"


class InvalidConfig(ConfigError):
    """Every problem at once; `problems` has them in the order of the text, files before variables. 50 are printed."""

    def __init__(self, problems: Sequence[Problem], *, remedy: str) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''} in the configuration"
        lines = [f"  {problem}" for problem in self.problems[:_MOST_SHOWN]]
        if more := len(self.problems) - len(lines):
            # What one mistake repeats thousands of times is not read to its end.
            lines.append(f"  … and {more:,} more, which show when these are mended")
        super().__init__("\n".join([count, *lines]), remedy=remedy)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by place, each once.

    What is wrong behind an alias is found once for each use, but has to be mended once: the key path does not count.
    """
    once: dict[tuple[str, int, int, str], Problem] = {}
    for problem in problems:
        once.setdefault((problem.source, problem.line or 0, problem.column or 0, problem.message), problem)
    return [once[place] for place in sorted(once, key=lambda place: place[:3])]


def render(path: KeyPath) -> str:
    """`services.aidb.platforms[0]`; keys that could be misread are quoted: `services['a.b']`."""
    text = ""
    for part in path:
        if isinstance(part, str) and _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part if isinstance(part, int) else shown(part)}]"
    return text


def suggestion(name: str, options: Iterable[str]) -> str:
    """`; did you mean 'context'?`, or nothing if no option is near."""
    near = nearest(name, options)
    return f"; did you mean '{near}'?" if near else ""


def nearest(name: str, options: Iterable[str]) -> str | None:
    """The option spelled most like the name, ignoring case."""
    by_lower = {option.lower(): option for option in options}
    # Comparing is quadratic in the length, and no key is that long.
    found = difflib.get_close_matches(name.lower()[:100], by_lower, n=1)
    return by_lower[found[0]] if found else None
