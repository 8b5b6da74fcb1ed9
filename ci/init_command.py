"""`sealift init github`: the workflows that release, rehearse and rescan a repository's images in GitHub Actions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import click

from ci import workflow_files
from ci.init_reusable import called as reusable_option
from ci.init_reusable import reusable_command
from ci.runner_option import MOST, native_of, runner_option
from ci.terminal import answers
from pipelines.config import Flags, LoadedConfig, Settings, environ_with_dotenv, load, resolve
from pipelines.config.callers import place_of
from pipelines.errors import ConfigError
from pipelines.lock import FILE as LOCK
from pipelines.model import Platform
from pipelines.render.workflows import Called, Released, workflows

_BRANCH = re.compile(r"[A-Za-z0-9][\w./-]*")


@click.group("init")
def init() -> None:
    """Write what a repository needs to release with Sealift."""


init.add_command(reusable_command)


@init.command("github")
@workflow_files.sealift
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
    "--reusable",
    "called",
    callback=reusable_option,
    metavar="OWNER/REPOSITORY@COMMIT",
    help="Release by the workflow that 'sealift init reusable' has written there; no other job signs then.",
)
@workflow_files.files
def github_command(
    sealift: str,
    names: tuple[str, ...],
    tags: str | None,
    branches: tuple[str, ...],
    native: bool,
    runners: Mapping[Platform, str],
    shards: int | None,
    called: Called | None,
    out: Path,
    check: bool,
    force: bool,
    root: Path,
) -> None:
    """Workflows for GitHub Actions: release, pull request, and nightly.

    Each of their steps is a command that runs on a laptop in the same way. What GitHub has to be told is printed.
    """
    if called and (native or runners or shards is not None):
        raise click.UsageError("--reusable has runners of its own: leave --native, --runner and --shards out")
    environ = environ_with_dotenv(root, os.environ)
    loaded = load(root, environ=environ)
    released = _released(loaded, names, tags, _by_branch(branches))
    if called and (keyed := [one.name for one in released if one.key]):
        raise ConfigError(
            f"what leaves for {', '.join(keyed)} is signed with a key, and a called workflow signs as itself",
            remedy="name it in 'signing.identities' of sealift.yaml, as docs/github-actions.md shows, and no key",
        )
    made = workflows(
        released,
        sealift=sealift,
        locked=(root / LOCK).exists(),
        native=native_of(loaded, native, runners, shards),
        called=called,
    )
    workflow_files.write(root / out, made, command="sealift init github", check=check, force=force)
    for line in _next(released, loaded, called):
        answers().print(line, highlight=False, soft_wrap=True)


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


def _next(released: list[Released], loaded: LoadedConfig, called: Called | None) -> list[str]:
    """What is to be set at GitHub."""
    source = loaded.config.source
    lines = [f"At {source}/settings/environments there must be:"]
    for one in released:
        secrets = [] if one.ghcr else ["DOCKER_USERNAME", "DOCKER_PASSWORD"]
        secrets += ["COSIGN_KEY", "COSIGN_PASSWORD"] if one.key else []
        lines.append(f"  {one.name}: {'secrets ' + ', '.join(secrets) if secrets else 'no secret is needed'}")
    signing = loaded.config.signing.identities
    refs = [f"refs/heads/{branch}" for one in released if one.keyless for branch in one.branches]
    refs += ["refs/tags/{version}" for one in released if one.keyless and one.tags]
    missing: list[str] = []
    if called:
        repository = "/".join((place_of(source) or "github.com/OWNER/NAME").split("/")[1:])
        subject = f"https://github.com/{called.workflow}"
        known = {item.ref for item in signing if item.subject == subject and item.repository}
        for ref in refs if None not in known else ():
            if ref not in known:
                missing += [f"  - subject: {subject}", f"    repository: {repository}", f"    ref: {ref}"]
    else:
        at = f"{source}/.github/workflows/release.yml@"
        missing += [f"  - subject: {at}{ref}" for ref in refs if f"{at}{ref}" not in {item.subject for item in signing}]
    if missing:
        lines += ["These sign, and 'signing.identities' of sealift.yaml does not name them yet:", *missing]
    return lines
