"""`.env` at the repository's root, under the real environment."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from pipelines.config.files import read_text
from pipelines.config.problems import REMEDY, InvalidConfig, Problem
from pipelines.git import is_tracked

FILE = ".env"


def environ_with_dotenv(root: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of `root/.env`, if there is one, with the real environment over them.

    Nothing is interpolated: a `$` in a value is a `$`. A variable that is set in the real environment wins even if it
    is empty there.

    :raises InvalidConfig: with file and line of everything that is no `NAME=value`.
    """
    variables, problems = read_dotenv(root)
    if problems:
        raise InvalidConfig(problems, remedy=REMEDY)
    return MappingProxyType({**variables, **environ})


def read_dotenv(root: Path) -> tuple[dict[str, str], list[Problem]]:
    """The variables of `root/.env` and what is wrong with it; neither if there is no such file."""
    path = root / FILE
    if not path.exists():
        return {}, []
    if is_tracked(root, FILE):
        # It would be the repository's word, and not this machine's, where a password goes and what may be read.
        message = "is committed, and belongs to one machine: take it out with 'git rm --cached .env'"
        return {}, [Problem(source=FILE, message=message)]
    text, problems = read_text(path, FILE)
    if text is None:
        return {}, problems
    # python-dotenv skips what it cannot read, with a warning in a log; its parser says which lines those are.
    for binding in parse_stream(io.StringIO(text)):
        # The line itself may hold a secret: it is not repeated.
        line = binding.original.line + _leading_lines(binding.original.string)
        if binding.error:
            problems.append(Problem(source=FILE, line=line, message="expected NAME=value or a comment"))
        elif binding.key is not None and binding.value is None:
            message = "has no value; write NAME= for an empty one"
            problems.append(Problem(source=FILE, line=line, where=binding.key, message=message))
    if problems:
        return {}, problems
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}, []


def _leading_lines(text: str) -> int:
    """Blank lines that the parser counts to the statement after them."""
    return text[: len(text) - len(text.lstrip())].count("\n")
