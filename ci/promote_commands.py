"""`sealift promote`, `replicate` and `rollback`: a release goes further, or comes back, by its digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from ci import options as opt
from ci.front import Ground, configured
from ci.output import dump, write_released
from ci.run import on_engine
from ci.session import Call
from ci.terminal import answers
from pipelines.config import Config, Flags, Settings, resolve
from pipelines.errors import ConfigError
from pipelines.graph import Session
from pipelines.graph.history import previous
from pipelines.graph.promote import promote, roll_back
from pipelines.graph.records import find
from pipelines.promotion import Destination, wanted_at, wanted_of
from pipelines.record import read
from pipelines.telemetry import Recorder


@dataclass(frozen=True, kw_only=True)
class Between(Ground):
    """The ground of what goes from one environment to another; `settings` are of the one it goes to."""

    config: Config
    source: Settings
    to: Destination


def _between(root: Path, environ: Mapping[str, str], source: Flags, to: Flags, *, regions: bool = False) -> Between:
    config = configured(root.resolve(), environ, to).config
    there = resolve(config, environ=environ, flags=to)
    here = resolve(config, environ=environ, flags=source)
    destination = Destination.of(there)
    if regions:
        if not there.regions:
            raise ConfigError(
                f"the environment {there.environment!r} has no regions to replicate to",
                remedy=f"list them in sealift.yaml: environments.{there.environment}.regions",
                step="config",
            )
        destination = Destination(
            environment=there.environment,
            targets=there.regions,
            when_tags_fail=there.when_tags_fail,
            tag_prefix=there.tag_prefix,
        )
    return Between(
        project=config.project,
        settings=there,
        targets=tuple(dict.fromkeys((*here.targets, *destination.targets))),
        about=there.environment,
        config=config,
        source=here,
        to=destination,
    )


_RECORD = click.argument("release", metavar="VERSION|RUN")


@click.command("promote")
@_RECORD
@click.option("--from", "source", required=True, metavar="ENV", help="Environment that has the release.")
@click.option("--to", required=True, metavar="ENV", help="Environment that it goes to.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag there, not the rules'. Repeatable.")
@opt.root
@opt.out
@opt.as_json
def promote_command(
    release: str, source: str, to: str, tags: tuple[str, ...], root: Path, out: Path, as_json: bool
) -> None:
    """Release to another environment what one has released already, by its digests: nothing is built.

    Everything is verified where it is, copied with signatures and attestations, and verified there; tags move last, all
    of them or none.
    """

    def ground(environ: Mapping[str, str], _: Recorder) -> Between:
        return _between(root, environ, Flags(env=source), Flags(env=to, tags=tags))

    async def work(session: Session, _: Call, ground: Between) -> str:
        text = await find(session, ground.source.targets, release, prefix=ground.source.tag_prefix)
        record = read(text, f"the record {release}")
        wanted = wanted_at(record, ground.settings, ground.config.main_branch, now=datetime.now(UTC))
        return await promote(session, record, text, wanted, ground.to)

    _show(on_engine("promote", root, Flags(env=to), ground, work, record=out / "release.json"), as_json)


@click.command("replicate")
@_RECORD
@click.option("--env", metavar="NAME", help="Environment that has the release, and the regions. [default: local]")
@opt.root
@opt.out
@opt.as_json
def replicate_command(release: str, env: str | None, root: Path, out: Path, as_json: bool) -> None:
    """Copy a release, with its tags, to the environment's regions. In each of them lines move forward only."""

    def ground(environ: Mapping[str, str], _: Recorder) -> Between:
        return _between(root, environ, Flags(env=env), Flags(env=env), regions=True)

    async def work(session: Session, _: Call, ground: Between) -> str:
        text = await find(session, ground.source.targets, release, prefix=ground.source.tag_prefix)
        record = read(text, f"the record {release}")
        return await promote(session, record, text, wanted_of(record), ground.to)

    _show(on_engine("replicate", root, Flags(env=env), ground, work, record=out / "release.json"), as_json)


@click.command("rollback")
@click.option("--to", metavar="VERSION|RUN", help="Release to go back to. [default: the one before the present one]")
@click.option("--env", metavar="NAME", help="Environment whose tags move back. [default: local]")
@opt.root
@opt.out
@opt.as_json
def rollback_command(to: str | None, env: str | None, root: Path, out: Path, as_json: bool) -> None:
    """Let an environment's tags name an earlier release again, after verifying it. Release tags stay.

    The way back from a rollback is a rollback to the later release.
    """

    def ground(environ: Mapping[str, str], _: Recorder) -> Between:
        return _between(root, environ, Flags(env=env), Flags(env=env))

    async def work(session: Session, _: Call, ground: Between) -> str:
        targets, prefix = ground.source.targets, ground.source.tag_prefix
        text = await (find(session, targets, to, prefix=prefix) if to else previous(session, targets))
        record = read(text, f"the record {to or 'before the present one'}")
        return await roll_back(session, record, text, because=f"rolled back to release {record.id}")

    _show(on_engine("rollback", root, Flags(env=env), ground, work, record=out / "release.json"), as_json)


def _show(done: str, as_json: bool) -> None:
    if as_json:
        dump(json.loads(done))
    else:
        write_released(answers(), read(done, "the record"))


promote_commands = (promote_command, replicate_command, rollback_command)
