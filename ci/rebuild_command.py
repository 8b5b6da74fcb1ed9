"""`sealift rebuild`: a release is built again from its commit, compared with its record, and restored if it is lost."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from ci import options as opt
from ci.front import Ground, Prepared, configured, prepare
from ci.output import dump
from ci.run import on_engine
from ci.session import Call, building
from ci.terminal import answers
from pipelines.checkout import checked_out
from pipelines.config import Flags, resolve
from pipelines.errors import ConfigError, ExitCode
from pipelines.gating import in_force
from pipelines.graph import Options, Session
from pipelines.graph.quarantine import held
from pipelines.graph.rebuild import Compared, as_recorded, rebuild, restore
from pipelines.graph.records import find
from pipelines.model import OCI
from pipelines.record import Record, read, read_file
from pipelines.telemetry import Recorder

_NOT_OF_THE_COMMIT = ("VERSION", "GIT_SHA", "SEALIFT_SERVICES", "SEALIFT_PLATFORMS")
"""Variables that say what is released; here the record says it."""


@dataclass(frozen=True, kw_only=True)
class _Found(Ground):
    """What is to be rebuilt. `text` is the record's document; None while a registry has it."""

    text: str | None


@dataclass(frozen=True, kw_only=True)
class _Answer:
    compared: list[Compared]
    restored: str | None = None


@click.command("rebuild")
@click.argument("release", required=False, metavar="VERSION|RUN")
@click.option("--record", type=click.Path(path_type=Path), help="The release's record in a file, not the registry's.")
@click.option("--env", metavar="NAME", help="Environment whose registry keeps the record. [default: local]")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service. Repeatable.")
@click.option("--publish", is_flag=True, help="Restore what the registry has lost, if all digests are the same.")
@opt.no_cache
@opt.root
@opt.out
@opt.as_json
def rebuild_command(
    release: str | None,
    record: Path | None,
    env: str | None,
    services: tuple[str, ...],
    publish: bool,
    no_cache: bool,
    root: Path,
    out: Path,
    as_json: bool,
) -> None:
    """Build a release again from its commit, and compare every digest with its record.

    Exit code 0 if all are the same, 1 if not; then it says what differs. The commit is checked out into a folder of its
    own, which is gone afterwards. Nothing is published without --publish, which lets all of it pass the gate again.
    """
    if (release is None) == (record is None):
        raise click.UsageError("name one release: its VERSION or run, or a file with --record")

    def ground(environ: Mapping[str, str], _: Recorder) -> _Found:
        text = record.read_text(encoding="utf-8") if record and read_file(record) else None
        flags = Flags(env=env or (read(text, record or "").plan.environment if text else None))
        config = configured(root.resolve(), environ, flags).config
        settings = resolve(config, environ=environ, flags=flags)
        return _Found(project=config.project, settings=settings, targets=settings.targets, about="rebuild", text=text)

    async def work(session: Session, call: Call, found: _Found) -> _Answer:
        text = found.text
        if text is None:
            text = await find(session, found.targets, release or "", prefix=found.settings.tag_prefix)
        options = Options(push=publish, reuse=False, no_cache=no_cache)
        return await _rebuilt(session, call, found, text, services, options)

    flags = Flags(env=env)
    answer = on_engine("rebuild", root, flags, ground, work, record=out / "release.json" if publish else None)
    if as_json:
        dump({"same": _same(answer), "published": answer.restored is not None, "manifests": [
            one.as_json() for one in answer.compared
        ]})  # fmt: skip
    else:
        _write(answers(), answer, publish=publish)
    if not _same(answer):
        sys.exit(ExitCode.FAILED)


async def _rebuilt(
    session: Session, call: Call, found: _Found, text: str, services: tuple[str, ...], options: Options
) -> _Answer:
    """Build it from its commit, compare, and restore it if that is asked for."""
    record = read(text, "the release's record")
    names = _chosen(record, services, found)
    with checked_out(call.root, record.plan.commit) as folder:
        prepared = _prepared(folder, call, record, names, found.settings.environment)
        prepared.check_secrets()
        run = building(session, replace(call, root=folder), prepared, options)
        async with held(run.toolbox):
            compared, examination, lot = await rebuild(run, record, names)
            if not options.push or not all(one.same for one in compared):
                return _Answer(compared=compared)
            done = await restore(run, record, text, found.settings, examination, lot)
            return _Answer(compared=compared, restored=done)


def _same(answer: _Answer) -> bool:
    return all(one.same for one in answer.compared)


def _chosen(record: Record, services: tuple[str, ...], ground: _Found) -> tuple[str, ...]:
    """The services that are built again.

    :raises ConfigError: the release has no such service, or cannot be built again from its commit.
    """
    if unknown := set(services) - set(record.lot):
        raise ConfigError(
            f"the release {record.id} has no {', '.join(sorted(unknown))}; it has {', '.join(record.lot)}",
            remedy="name services of that release with --service",
            step="record",
        )
    names = services or tuple(record.lot)
    if others := [str(target) for target in record.targets if target not in ground.targets]:
        raise ConfigError(
            f"the record {record.id} is of a release to {', '.join(others)}, where the environment does not release to",
            remedy="name the environment of that release with --env",
            step="record",
        )
    labels = {name: unit.labels for name in names for unit in record.services[name].platforms.values()}
    if changed := [name for name in names if labels.get(name, {}).get(f"{OCI}revision", "").endswith("-dirty")]:
        raise ConfigError(
            f"{', '.join(changed)} of {record.id} was made with changes that were not committed: no commit has them",
            remedy="rebuild a release whose changes were all committed, or other services with --service",
            step="record",
        )
    return names


def _prepared(folder: Path, call: Call, record: Record, names: tuple[str, ...], env: str) -> Prepared:
    """The plan at the release's commit, for its services and platforms."""
    flags = Flags(
        env=env,
        services=names,
        platforms=tuple(sorted({str(platform) for name in names for platform in record.services[name].platforms})),
        # Tags are the record's; but no plan is without one.
        tags=("rebuild",),
    )
    environ = {name: value for name, value in call.environ.items() if name not in _NOT_OF_THE_COMMIT}
    # As it was planned then: what the commit's own ignores allowed for a time must not keep it from being built again.
    prepared = prepare(folder, environ, flags, now=record.started)
    rules = in_force(prepared.plan.rules, today=datetime.now(UTC).date())
    plan = replace(as_recorded(prepared.plan, record), targets=record.targets, rules=rules)
    call.telemetry.recorder.planned(plan)
    return replace(prepared, plan=plan)


def _write(console: Console, answer: _Answer, *, publish: bool) -> None:
    for one in answer.compared:
        what = one.platform or "index"
        if one.same:
            console.print(f"[green]same[/]       {one.service} {what} {one.made.short}", highlight=False)
            continue
        console.print(
            f"[bold red]different[/]  {one.service} {what} {one.recorded.short} → {one.made.short}", highlight=False
        )
        for line in one.differences:
            console.print(f"           {line}", highlight=False, markup=False)
    if not _same(answer):
        count = sum(not one.same for one in answer.compared)
        console.print(f"DIFFERENT: {count} of {len(answer.compared)} digests." + (
            " Nothing was published." if publish else ""
        ))  # fmt: skip
    elif answer.restored:
        record = read(answer.restored, "the record")
        moved = sum(move.moved for place in record.found.values() for at in place.places for move in at.tags)
        console.print(f"THE SAME, and restored: {moved} tag(s) moved. Record: {record.id}")
    else:
        console.print(f"THE SAME: all {len(answer.compared)} digests.")
