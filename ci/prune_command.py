"""`sealift registry prune`: what no rule keeps leaves the registries of an environment."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import click

from ci import options as opt
from ci.interrupt import interruptible
from ci.local.garbage import Collected, collect
from ci.local.machine import make_setup
from ci.local.storage import find_ours
from ci.output import dump
from ci.pruning import prune
from ci.registry_ground import Registries, registries
from ci.registry_options import environment
from ci.terminal import answers, report
from pipelines.config import Settings
from pipelines.errors import ConfigError, RegistryError, SeveralErrors
from pipelines.registry.removal import Removed
from pipelines.registry.survey import Survey
from pipelines.report import retention as shown
from pipelines.retention import Decision
from pipelines.rules import Rules


@click.command("prune")
@environment
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service. Repeatable.")
@click.option("--keep-last", type=click.IntRange(1, 10_000), metavar="N", help="Keep the last N versions and releases.")
@click.option("--keep-days", type=click.IntRange(1, 36_500), metavar="DAYS", help="Keep what is not older.")
@click.option(
    "--keep-pattern", "patterns", multiple=True, metavar="GLOB", help="Keep what such a tag names. Repeatable."
)
@click.option(
    "--keep-deployed",
    "files",
    multiple=True,
    metavar="FILE",
    help="Keep what this manifest, Compose file or release record names; - is standard input. Repeatable.",
)
@click.option("--confirm", is_flag=True, help="Delete. Without it nothing is, and what would go is shown.")
@click.option("--gc", is_flag=True, help="Then collect the garbage of the registry that 'sealift up' started.")
@opt.as_json
def prune_command(
    *,
    env: str | None,
    registry: str | None,
    root: Path,
    services: tuple[str, ...],
    keep_last: int | None,
    keep_days: int | None,
    patterns: tuple[str, ...],
    files: tuple[str, ...],
    confirm: bool,
    gc: bool,
    as_json: bool,
) -> None:
    """Show what no rule keeps, or with --confirm delete it: images, with their signatures, attestations and records.

    Whatever any rule keeps stays, with its platforms and all that is attached to them; so does what 'latest', 'v1',
    'v1.2', 'dev' and other tags that move name, and what is not a day old. Rules come from these flags, else from
    'retention' in sealift.yaml. Everything is read before anything is deleted; what cannot be read ends it.

    Exit code 3 if no rule is given or a file cannot be understood, 5 if not all of it could be deleted.
    """
    found = registries(root, env, registry)
    rules = _rules(found.settings, keep_last, keep_days, patterns, given=bool(files))
    contents = [_content(name) for name in files]
    now = datetime.now(UTC)

    async def work() -> list[tuple[Survey, Decision, Removed | None]]:
        return await prune(found, found.chosen(services), rules, contents, confirm=confirm, now=now)

    results = anyio.run(interruptible, work)
    failures = [done.failure for _, _, done in results if done and done.failure]
    collected = _collect(found, results) if gc and confirm and not failures else None
    if as_json:
        dump(_document(results, confirm=confirm, collected=collected))
    else:
        _write(results, confirm=confirm, gc=gc, collected=collected, now=now)
    if failures:
        raise failures[0] if len(failures) == 1 else SeveralErrors(failures)
    if any(done and done.left for _, _, done in results):
        raise RegistryError(
            "not everything that was to go was deleted: it has changed since it was read",
            remedy="run the command again: it decides anew",
            step="retention",
        )


def _rules(settings: Settings, last: int | None, days: int | None, patterns: tuple[str, ...], *, given: bool) -> Rules:
    """What the flags say, or else the configuration.

    :raises ConfigError: nothing says what to keep.
    """
    if "" in patterns:
        raise click.UsageError("--keep-pattern is empty; leave it out, or give it a glob such as 'v1.*'")
    written = settings.retention
    rules = Rules(
        last=last or written.keep_last,
        days=days or written.keep_days,
        patterns=patterns or tuple(written.keep_patterns),
        prefix=settings.tag_prefix,
    )
    if not (rules.last or rules.days or rules.patterns or given):
        raise ConfigError(
            "nothing says what to keep",
            remedy="name it: --keep-last, --keep-days, --keep-pattern, --keep-deployed, or 'retention' in sealift.yaml",
            step="retention",
        )
    return rules


def _content(name: str) -> tuple[str, bytes]:
    """:raises ConfigError: the file cannot be read."""
    try:
        return ("standard input", sys.stdin.buffer.read()) if name == "-" else (name, Path(name).read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{name}: cannot be read: {error.strerror}, so what is deployed cannot be told",
            remedy="name the manifests, Compose files or release records of what is deployed",
            step="retention",
        ) from error


def _collect(found: Registries, results: Sequence[tuple[Survey, Decision, Removed | None]]) -> Collected | None:
    """Collect the garbage of the one registry of the environment that is ours."""
    setup = make_setup(found.environ, report)
    mine = [held.target.registry for held, _, _ in results if find_ours(setup, held.target.registry)]
    registry = (mine or [found.settings.registry])[0]
    # A signal waits for the registry to be back.
    return anyio.run(interruptible, partial(anyio.to_thread.run_sync, collect, setup, registry))


def _write(
    results: Sequence[tuple[Survey, Decision, Removed | None]],
    *,
    confirm: bool,
    gc: bool,
    collected: Collected | None,
    now: datetime,
) -> None:
    console = answers()
    for held, decision, done in results:
        console.print(shown.render(held, decision, done, now=now, width=console.width))
    if collected:
        console.print(shown.collected(collected.before, collected.after))
    elif not confirm:
        more = ", and --gc then collects the garbage" if gc else ""
        console.print(f"Nothing was deleted: --confirm does it{more}.")
    elif any(done and done.gone for _, _, done in results):
        console.print("A self-hosted registry frees its disk when its garbage is collected: docs/retention.md.")


def _document(
    results: Sequence[tuple[Survey, Decision, Removed | None]], *, confirm: bool, collected: Collected | None
) -> dict[str, Any]:
    return {
        "confirmed": confirm,
        "registries": [shown.as_json(held, decision, done) for held, decision, done in results],
        "garbage": {"bytes_before": collected.before, "bytes_after": collected.after} if collected else None,
    }
