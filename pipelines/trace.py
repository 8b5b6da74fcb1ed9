"""What one run did when: plain data, kept as `trace.json` beside the release record."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import ConfigError

FORMAT: Final = 1
"""Version of the document's shape; it changes when a reader of the old shape would be misled."""

FILE = "trace.json"

Result = Literal["success", "failure", "error", "cancellation"]
"""How a run or a stage ended, in the words of OpenTelemetry's conventions (`cicd.pipeline.result`)."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Stage(_Data):
    """One stage as it went. Times are seconds since the run began.

    :param unit: `service platform`, `service`, or empty for the whole run.
    :param asked: when it had all that it needed; until `start` it waited for a slot under `--jobs`.
    :param span: id of its span, 16 hexadecimal digits; None where OpenTelemetry is turned off.
    """

    stage: str
    unit: str
    asked: float = Field(ge=0)
    start: float = Field(ge=0)
    seconds: float = Field(ge=0)
    result: Result
    span: str | None = None

    @property
    def end(self) -> float:
        return self.start + self.seconds


class Step(_Data):
    """One step of the engine: a command, a copy or a pull, each once.

    :param name: the engine's name of it, such as `Container.withExec`.
    :param stage, unit: the stage that asked for it first; None if none did.
    :param seconds: what it took without the steps inside of it.
    :param cached: the engine had the result.
    """

    name: str
    stage: str | None
    unit: str | None
    seconds: float = Field(ge=0)
    cached: bool


class Made(_Data):
    """One image: whether it was there already, and the seconds from its build to the end of its examination."""

    unit: str
    cached: bool
    seconds: float = Field(ge=0)


class Trace(_Data):
    """The document.

    :param run: the run's id; None if it ended before it had one.
    :param engine: where the spans of the engine went: `here`, and `steps` has them; `collector`, the user's own;
        `caller`, the engine's client that ran this command; `off`.
    """

    format: Literal[1] = FORMAT
    run: str | None
    command: str
    result: Result
    trace_id: str | None
    started: datetime
    jobs: int | None
    wall_seconds: float = Field(ge=0)
    engine: Literal["here", "collector", "caller", "off"]
    stages: tuple[Stage, ...]
    units: tuple[Made, ...] = ()
    steps: tuple[Step, ...] | None = None

    def text(self) -> str:
        """The document as it is written."""
        return self.model_dump_json(indent=1) + "\n"


def read(path: Path) -> Trace:
    """The trace in a file.

    :raises ConfigError: there is none, or it is not a whole trace of this format.
    """
    try:
        return Trace.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"no trace can be read from {path}: {error.strerror}",
            remedy="run 'sealift build-all', which writes one, or name its folder with --out",
            step="trace",
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{path} is no trace of format {FORMAT}: {f'{where}: ' if where else ''}{first['msg']}",
            remedy="run 'sealift build-all' again with this version of sealift, which writes a new one",
            step="trace",
        ) from error
