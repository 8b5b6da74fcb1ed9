"""`sealift init reusable`: the workflow that other repositories release by; and what a caller says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from ci import workflow_files
from ci.runner_option import MOST, check_jobs, runner_option
from pipelines.model import Platform
from pipelines.render.workflows import REUSABLE, Called, Native, reusable
from pipelines.runners import HOSTED

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@click.command("reusable")
@workflow_files.sealift
@runner_option("Runner that a platform is built on, beside GitHub's of linux/amd64 and linux/arm64.")
@click.option(
    "--shards",
    type=click.IntRange(1, MOST),
    default=1,
    show_default=True,
    metavar="N",
    help="Runners for each platform.",
)
@workflow_files.files
def reusable_command(
    sealift: str, runners: Mapping[Platform, str], shards: int, out: Path, check: bool, force: bool, root: Path
) -> None:
    """A workflow for GitHub Actions that other repositories release by, and cannot change.

    It belongs into a repository that few can write to; 'sealift init github --reusable' writes what calls it.
    """
    chosen = {**HOSTED, **runners}
    check_jobs(shards, len(chosen), "--shards")
    made = {REUSABLE: reusable(sealift, Native(runners=chosen, shards=shards))}
    workflow_files.write(root / out, made, command="sealift init reusable", check=check, force=force)


def called(_: click.Context, __: click.Parameter, value: str | None) -> Called | None:
    """The value of `--reusable`."""
    if value is None:
        return None
    repository, _at, commit = value.partition("@")
    if not _REPOSITORY.fullmatch(repository) or not workflow_files.is_commit(commit):
        raise click.BadParameter(f"{value!r}: expected OWNER/REPOSITORY@COMMIT, with 40 hexadecimal digits")
    return Called(repository=repository, commit=commit)
