"""The record that is rendered: a file, or the one that a registry keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci.front import Ground, configured
from ci.release_commands import check_targets
from ci.run import on_engine
from ci.session import Call
from pipelines.config import Flags, resolve
from pipelines.graph import Session
from pipelines.graph.records import find
from pipelines.record import Record, read, read_file
from pipelines.telemetry import Recorder

DEFAULT = Path("dist/release.json")


def record_of(path: Path | None, run: str | None, env: str | None, root: Path) -> Record:
    """The record in a file, or with `run`, the one that the environment's registry keeps; that needs the engine.

    :raises ConfigError: there is none, it is no record, or it is of a release to somewhere else.
    :raises RegistryError: the registry cannot be asked, or has no such record.
    """
    if run is None:
        return read_file(path or DEFAULT)
    flags = Flags(env=env)

    def ground(environ: Mapping[str, str], _: Recorder) -> Ground:
        config = configured(root.resolve(), environ, flags).config
        settings = resolve(config, environ=environ, flags=flags)
        return Ground(project=config.project, settings=settings, targets=settings.targets, about="render")

    async def work(session: Session, _: Call, ground: Ground) -> Record:
        text = await find(session, ground.targets, run, prefix=ground.settings.tag_prefix)
        record = read(text, f"the record {run}")
        check_targets(record, (*ground.targets, *ground.settings.regions))
        return record

    return on_engine("render", root, flags, ground, work)
