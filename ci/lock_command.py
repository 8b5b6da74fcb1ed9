"""`sealift lock`: pins what Dockerfiles and tools name by the digests that the names stand for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from ci import options as opt
from ci.front import configured
from ci.interrupt import interruptible
from ci.lock_output import Became, write_differences, write_locked, write_since
from ci.logins import decide
from ci.output import dump
from ci.run import variables
from ci.terminal import answers, report
from pipelines.basing import check_uses, uses_of, wanted_of
from pipelines.config import Flags, InvalidConfig
from pipelines.config.bases import run_as
from pipelines.config.lock import read_lock
from pipelines.config.problems import REMEDY, in_order, suggestion
from pipelines.errors import ConfigError, ExitCode, shown
from pipelines.files import write_whole
from pipelines.images import parse_image
from pipelines.inputs import read_dockerfiles
from pipelines.lock import FILE, Lock, Locked, Wanted, differences
from pipelines.registry.clients import Clients
from pipelines.registry.pins import Since, locked, since, target_of


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What a lock is made from: all services, on all their platforms, whatever a release selects."""

    root: Path
    environ: Mapping[str, str]
    project: str
    wanted: Wanted
    before: Lock | None

    def clients(self, names: Sequence[str]) -> Clients:
        """For the registries that have these images, with Docker's logins."""
        return Clients(logins=decide(self.environ, {}, map(target_of, names)), environ=self.environ)


@click.command("lock")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--update", is_flag=True, help="Ask again what NAMEs, images or tools, stand for; all, without a NAME.")
@click.option("--check", is_flag=True, help="Write nothing, ask nobody; exit code 1 if the lock is out of date.")
@click.option("--outdated", is_flag=True, help="Write nothing; say which tags have moved, and which are newer.")
@opt.root
@opt.as_json
def lock_command(names: tuple[str, ...], update: bool, check: bool, outdated: bool, root: Path, as_json: bool) -> None:
    """Write sealift.lock: the digests of all base images and tools, for every platform.

    What is there already stays as it is, until --update asks again. What no Dockerfile names any more goes. Registries
    are asked from here, with the logins of Docker's configuration; no engine is needed.
    """
    if update + check + outdated > 1 or (names and not update):
        raise click.UsageError("choose one of --update [NAME]…, --check and --outdated")
    ground = _ground(root.resolve())
    if check:
        _check(ground, as_json)
    elif outdated:
        _outdated(ground, as_json)
    else:
        _lock(ground, _again(ground.wanted, names) if update else frozenset(), as_json)


def _ground(root: Path) -> _Ground:
    """:raises ConfigError: every problem that the files have, but for what the lock lacks."""
    environ = variables(root, Flags())
    loaded = configured(root, environ, Flags())
    uses = list(uses_of(loaded, read_dockerfiles(root, loaded, loaded.config.services)))
    if problems := list(check_uses(uses, loaded.config.bases, pinning=True)):
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return _Ground(
        root=root,
        environ=environ,
        project=loaded.config.project,
        wanted=wanted_of(uses, run_as(loaded.config.tools)),
        before=read_lock(root, loaded.config.project),
    )


def _again(wanted: Wanted, names: Sequence[str]) -> frozenset[str]:
    """The entries that are asked for again.

    :raises ConfigError: there is no such image or tool.
    """
    if not names:
        return frozenset((*wanted.bases, *(f"tool {name}" for name in wanted.tools)))
    entries = []
    for name in names:
        try:
            entry = f"tool {name}" if name in wanted.tools else str(parse_image(name))
        except ValueError:
            entry = name
        if entry not in wanted.bases and name not in wanted.tools:
            near = suggestion(name, (*wanted.bases, *wanted.tools)) or ";"
            raise ConfigError(
                f"nothing is built on, and no tool is, {shown(name)}{near} there are"
                f" {', '.join((*wanted.bases, *wanted.tools))}",
                remedy="name an image as a Dockerfile has it, or a tool",
                step="lock",
            )
        entries.append(entry)
    return frozenset(entries)


def _check(ground: _Ground, as_json: bool) -> None:
    found = differences(ground.before, ground.wanted)
    if as_json:
        dump({"lock": ground.before is not None, "differences": [one.as_json() for one in found]})
    else:
        write_differences(answers(), found, there=ground.before is not None)
    if found:
        sys.exit(ExitCode.FAILED)


def _outdated(ground: _Ground, as_json: bool) -> None:
    lock = ground.before
    if lock is None:
        raise ConfigError(f"there is no {FILE}", remedy="run 'sealift lock' first", step="lock")

    async def ask() -> list[Since]:
        async with ground.clients([entry.name for _, entry in lock.entries()]) as clients:
            return await since(clients, lock)

    found = anyio.run(interruptible, ask)
    if as_json:
        dump([one.as_json() for one in found])
    else:
        write_since(answers(), found)
    if any(one.failure for one in found):
        sys.exit(ExitCode.REGISTRY)


def _lock(ground: _Ground, again: frozenset[str], as_json: bool) -> None:
    before = dict(ground.before.entries()) if ground.before else {}

    def keep(entry: str) -> Locked | None:
        """What the lock has, if that is what is wanted, and need not be asked again."""
        there = before.get(entry)
        if there is None or entry in again or entry in out_of_date:
            return None
        return there

    async def ask() -> Lock:
        async with ground.clients((*ground.wanted.bases, *ground.wanted.tools.values())) as clients:
            return await locked(clients, ground.project, ground.wanted, keep)

    out_of_date = {one.entry for one in differences(ground.before, ground.wanted)}
    made = anyio.run(interruptible, ask)
    became = Became.of(before, dict(made.entries()))
    if made != ground.before:
        try:
            write_whole(ground.root / FILE, made.text())
        except OSError as error:
            raise ConfigError(
                f"{FILE} cannot be written: {error.strerror}", remedy="make it writable", step="lock"
            ) from error
    if became.rebuilt:
        report(f"! Rebuilt on some machine, so that no other machine has these digests: {', '.join(became.rebuilt)}")
    if as_json:
        dump(became.as_json())
    else:
        write_locked(answers(), became)
