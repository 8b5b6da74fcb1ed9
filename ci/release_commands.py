"""`sealift release …`: commands that work from a release record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from ci import options as opt
from ci.front import Ground, configured
from ci.output import dump, write_released
from ci.run import on_engine
from ci.session import Call
from ci.terminal import answers
from pipelines.config import Flags, resolve
from pipelines.errors import ConfigError
from pipelines.graph import Session
from pipelines.graph.finish import resume
from pipelines.graph.records import find
from pipelines.model import Target
from pipelines.record import Record, read, read_file
from pipelines.telemetry import Recorder


@dataclass(frozen=True, kw_only=True)
class Recorded(Ground):
    """The ground of a command that works from a record. `text` is its document; None while a registry has it."""

    record: Record | None
    text: str | None


@click.group("release")
def release() -> None:
    """Work from the record of a release."""


@release.command("resume")
@click.argument("record", required=False, type=click.Path(path_type=Path))
@click.option("--run", metavar="ID|VERSION", help="The record that the registry keeps under this name, not a file.")
@click.option("--env", metavar="NAME", help="Environment whose registry keeps it. [default: local]")
@opt.root
@opt.out
@opt.as_json
def resume_command(record: Path | None, run: str | None, env: str | None, root: Path, out: Path, as_json: bool) -> None:
    """Finish a release that was broken off, from RECORD or release.json below --out.

    What is at the registries and verifies stays as it is; what is missing is carried there, from another registry or
    this machine's quarantine; then the tags that have not moved move. Nothing is built.
    """
    if record is not None and run is not None:
        raise click.UsageError("RECORD and --run name two records; give one of them")
    path = record or out / "release.json"
    flags = Flags(env=env)

    def ground(environ: Mapping[str, str], _: Recorder) -> Recorded:
        if run is None:
            return recorded(root, environ, path)
        config = configured(root.resolve(), environ, flags).config
        settings = resolve(config, environ=environ, flags=flags)
        return Recorded(
            project=config.project, settings=settings, targets=settings.targets, about="resume", record=None, text=None
        )

    async def work(session: Session, _: Call, ground: Recorded) -> str:
        found, text = ground.record, ground.text
        if found is None or text is None:
            text = await find(session, ground.targets, run or "")
            found = read(text, f"the record {run}")
            check_targets(found, ground.targets)
        return await resume(session, found, text)

    done = on_engine("release resume", root, flags, ground, work, record=out / "release.json")
    if as_json:
        dump(json.loads(done))
    else:
        write_released(answers(), read(done, path))


def recorded(root: Path, environ: Mapping[str, str], path: Path) -> Recorded:
    """The ground of a record in a file.

    :raises ConfigError: there is none, or its environment is not one of the configuration's.
    """
    record = read_file(path)
    flags = Flags(env=record.plan.environment)
    loaded = configured(root.resolve(), environ, flags)
    return Recorded(
        project=loaded.config.project,
        settings=resolve(loaded.config, environ=environ, flags=flags),
        targets=(*record.targets, *([record.source.target] if record.source else [])),
        about=record.plan.commit[:7],
        record=record,
        text=path.read_text(encoding="utf-8"),
    )


def check_targets(record: Record, targets: tuple[Target, ...]) -> None:
    """A login is looked for only where the configuration says, and not wherever a record names."""
    if others := [str(target) for target in record.targets if target not in targets]:
        raise ConfigError(
            f"the record {record.id} is of a release to {', '.join(others)}, where the environment does not release to",
            remedy="name the environment of that release with --env, or the record's file",
            step="record",
        )
