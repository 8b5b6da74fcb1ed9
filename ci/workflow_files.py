"""Workflow files, written where GitHub looks for them, and the options that commands which do so share."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from ci.terminal import answers, report
from pipelines.errors import ConfigError
from pipelines.render.workflows import as_written

F = TypeVar("F", bound=Callable[..., Any])
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_commit(text: str) -> bool:
    """Whether it is a full commit: a name can be moved, and so can a short one be made to stand for another."""
    return _COMMIT.fullmatch(text) is not None


def _commit(_: click.Context, __: click.Parameter, value: str) -> str:
    if value != "." and not is_commit(value):
        raise click.BadParameter("expected a full commit, 40 hexadecimal digits, or '.'")
    return value


sealift = click.option(
    "--sealift",
    required=True,
    callback=_commit,
    metavar="COMMIT",
    help="Commit of github.com/sealift/sealift that jobs install, 40 hexadecimal digits; '.' in its own repository.",
)


def files(command: F) -> F:
    """The options of every command that writes workflows."""
    for option in (
        click.option(
            "--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(),
            metavar="DIRECTORY", help="Root of the repository. [default: here]",
        ),
        click.option(
            "--force", is_flag=True, help="Write over files that were changed by hand, or are somebody else's."
        ),
        click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file is not there or is another."),
        click.option(
            "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(".github/workflows"),
            show_default=True, help="Folder below the root.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def write(folder: Path, made: Mapping[str, str], *, command: str, check: bool, force: bool) -> None:
    """Write these files, and say so; with `check` only say what would be another, and end.

    :param made: name → text.
    :param command: that writes them.
    :raises ConfigError: one that is there is not of this command, or was changed since; nothing is written then.
    """
    texts = {folder / name: text for name, text in made.items()}
    there = {path: path.read_text(encoding="utf-8", errors="replace") for path in texts if path.exists()}
    other = [path for path, text in texts.items() if there.get(path) != text]
    if check:
        for path in other:
            report(f"{path} is {'another' if path in there else 'not there'}: '{command}' writes it")
        sys.exit(1 if other else 0)
    if not force and (foreign := [path for path in other if path in there and not as_written(there[path])]):
        raise ConfigError(
            f"{', '.join(map(str, foreign))} was not written by this command, or was changed since",
            remedy="move what you want to keep, and run again with --force",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path in other:
        path.write_text(texts[path], encoding="utf-8")
    console = answers()
    for path in texts:
        console.print(f"{'wrote' if path in other else 'unchanged'} {path}", highlight=False, soft_wrap=True)
