"""`sealift init github`: the workflows that release, rehearse and rescan a repository's images in GitHub Actions."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from ci.runner_option import MOST, native_of, runner_option
from ci.terminal import answers, report
from pipelines.config import Flags, LoadedConfig, Settings, environ_with_dotenv, load, resolve
from pipelines.errors import ConfigError
from pipelines.lock import FILE as LOCK
from pipelines.model import Platform
from pipelines.render.workflows import Released, as_written, workflows

_COMMIT = re.compile(r"[0-9a-f]{40}")
_BRANCH = re.compile(r"[A-Za-z0-9][\w./-]*")


@click.group("init")
def init() -> None:
    """Write what a repository needs to release with Sealift."""


@init.command("github")
@click.option(
    "--sealift",
    required=True,
    metavar="COMMIT",
    help="Commit of github.com/sealift/sealift that jobs install, 40 hexadecimal digits; '.' in its own repository.",
)
@click.option(
    "--env",
    "names",
    multiple=True,
    metavar="ENV",
    help="Environment that the workflows release to. Repeatable. [default: every one that is not this machine's own]",
)
@click.option(
    "--tags", metavar="ENV", help="Environment that git tags are released to. [default: prod, if there is one]"
)
@click.option(
    "--branch",
    "branches",
    multiple=True,
    metavar="NAME=ENV",
    help="Environment that pushes to a branch are released to. Repeatable. [default: main=staging, if there is one]",
)
@click.option("--native", is_flag=True, help="Release from builds on runners of each platform, nothing emulated.")
@runner_option("Runner that a platform is built on; implies --native.")
@click.option(
    "--shards", type=click.IntRange(1, MOST), metavar="N", help="Runners for each platform, 1 to 256; implies --native."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".github/workflows"),
    show_default=True,
    help="Folder below the root.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file is not there or is another.")
@click.option("--force", is_flag=True, help="Write over files that were changed by hand, or are somebody else's.")
@click.option(
    "--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(), metavar="DIRECTORY",
    help="Root of the repository. [default: here]",
)  # fmt: skip
def github_command(
    sealift: str,
    names: tuple[str, ...],
    tags: str | None,
    branches: tuple[str, ...],
    native: bool,
    runners: Mapping[Platform, str],
    shards: int | None,
    out: Path,
    check: bool,
    force: bool,
    root: Path,
) -> None:
    """Workflows for GitHub Actions: release, pull request, and nightly.

    Each of their steps is a command that runs on a laptop in the same way. What GitHub has to be told is printed.
    """
    if sealift != "." and not _COMMIT.fullmatch(sealift):
        raise click.BadParameter("expected a full commit, 40 hexadecimal digits, or '.'", param_hint="--sealift")
    environ = environ_with_dotenv(root, os.environ)
    loaded = load(root, environ=environ)
    released = _released(loaded, names, tags, _by_branch(branches))
    made = workflows(
        released,
        sealift=sealift,
        locked=(root / LOCK).exists(),
        native=native_of(loaded, native, runners, shards),
    )
    folder = root / out
    files = {folder / name: text for name, text in made.items()}
    there = {path: path.read_text(encoding="utf-8", errors="replace") for path in files if path.exists()}
    other = [path for path, text in files.items() if there.get(path) != text]
    if check:
        for path in other:
            report(f"{path} is {'another' if path in there else 'not there'}: 'sealift init github' writes it")
        sys.exit(1 if other else 0)
    if not force and (foreign := [path for path in other if path in there and not as_written(there[path])]):
        raise ConfigError(
            f"{', '.join(map(str, foreign))} was not written by this command, or was changed since",
            remedy="move what you want to keep, and run again with --force",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path in other:
        path.write_text(files[path], encoding="utf-8")
    console = answers()
    for path in files:
        console.print(f"{'wrote' if path in other else 'unchanged'} {path}", highlight=False, soft_wrap=True)
    for line in _next(released, loaded):
        console.print(line, highlight=False, soft_wrap=True)


def _by_branch(given: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in given:
        branch, _, environment = text.partition("=")
        if not environment or not _BRANCH.fullmatch(branch):
            raise click.BadParameter(f"{text!r}: expected NAME=ENV, such as main=staging", param_hint="--branch")
        if branch in found:
            raise click.BadParameter(
                f"{branch} is there twice; it is released to one environment", param_hint="--branch"
            )
        found[branch] = environment
    return found


def _released(
    loaded: LoadedConfig, names: tuple[str, ...], tags: str | None, by_branch: Mapping[str, str]
) -> list[Released]:
    """The environments of these names, or else every one that is not this machine's own.

    :raises ConfigError: there is none, or an option names another one.
    """
    settings = {name: resolve(loaded.config, environ={}, flags=Flags(env=name)) for name in loaded.config.environments}
    leaving = {name: one for name, one in settings.items() if not one.rehearsal}
    tags = tags or ("prod" if "prod" in leaving else None)
    by_branch = by_branch or ({"main": "staging"} if "staging" in leaving else {})
    wanted = dict.fromkeys([*names, *([tags] if tags else []), *by_branch.values()])
    unknown = [name for name in wanted if name not in leaving]
    if unknown or not leaving:
        raise ConfigError(
            f"sealift.yaml has no environment {', '.join(unknown)} that releases leave this machine for"
            if unknown
            else "sealift.yaml has no environment that releases leave this machine for",
            remedy=f"name one of these: {', '.join(leaving)}" if leaving else "add one to 'environments'",
        )
    chosen = wanted if names else leaving
    return [_one(name, one, tags == name, by_branch) for name, one in leaving.items() if name in chosen]


def _one(name: str, settings: Settings, tags: bool, by_branch: Mapping[str, str]) -> Released:
    signing = settings.signing
    return Released(
        name=name,
        registry=settings.registry,
        keyless=signing.method == "keyless" or (signing.method is None and bool(signing.identities)),
        tags=tags,
        branches=tuple(sorted(branch for branch, environment in by_branch.items() if environment == name)),
    )


def _next(released: list[Released], loaded: LoadedConfig) -> list[str]:
    """What is to be set at GitHub."""
    source = loaded.config.source
    lines = [f"At {source}/settings/environments there must be:"]
    for one in released:
        secrets = [] if one.ghcr else ["DOCKER_USERNAME", "DOCKER_PASSWORD"]
        secrets += ["COSIGN_KEY", "COSIGN_PASSWORD"] if one.key else []
        lines.append(f"  {one.name}: {'secrets ' + ', '.join(secrets) if secrets else 'no secret is needed'}")
    at = f"{source}/.github/workflows/release.yml@"
    wanted = [f"{at}refs/heads/{branch}" for one in released if one.keyless for branch in one.branches]
    wanted += [f"{at}refs/tags/{{version}}" for one in released if one.keyless and one.tags]
    known = {item.subject for item in loaded.config.signing.identities}
    if missing := [subject for subject in wanted if subject not in known]:
        lines.append("These sign, and 'signing.identities' of sealift.yaml does not name them yet:")
        lines += [f"  - subject: {subject}" for subject in missing]
    return lines
