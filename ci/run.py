"""What every command does that needs a plan, or the engine: prepare, bring it up, work on it, obey signals."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import anyio

from ci import terminal
from ci.addresses import INSIDE
from ci.dotenv import write_dotenv
from ci.front import Ground, Prepared, prepare
from ci.interrupt import Interrupted, interruptible
from ci.local_commands import engine_log, ensure_engine
from ci.session import Call, building, running
from ci.signer import check_signable, local_keys
from ci.telemetry import Telemetry, begin
from pipelines.config import Flags, environ_with_dotenv
from pipelines.errors import ConfigError, SealiftError
from pipelines.graph import Options, Run, Session, check_options
from pipelines.telemetry import Recorder
from pipelines.trace import Trace

T = TypeVar("T")
G = TypeVar("G", bound=Ground)


class NothingToDo(Exception):
    """The run is about no service: nothing has changed since the revision that was named."""


def variables(root: Path, flags: Flags) -> Mapping[str, str]:
    """The environment, over that of the repository's `.env`.

    :raises ConfigError: `.env` is malformed; the message has every problem of the other files and the flags too.
    """
    try:
        return environ_with_dotenv(root, os.environ)
    except ConfigError:
        prepare(root, os.environ, flags, now=datetime.now(UTC))
        raise


def planned(root: Path, flags: Flags) -> Prepared:
    """The plan for the repository at `root`, by the flags and the variables; no engine is asked.

    :raises ConfigError: every problem that the files, the variables and the flags have.
    """
    root = root.resolve()
    return prepare(root, variables(root, flags), flags, now=datetime.now(UTC))


def ready(
    root: Path, flags: Flags, options: Options, environ: Mapping[str, str], *, builds: bool, signs: bool
) -> Prepared:
    """The plan, with all that can be known to fail before an engine is asked.

    :raises NothingToDo: there is no service.
    :raises ConfigError: as `planned`; a secret or a key is missing, or the options are not allowed here.
    """
    prepared = planned(root, flags)
    if not prepared.plan.services:
        raise NothingToDo(*prepared.plan.notes)
    if builds:
        prepared.check_secrets()
    check_options(prepared.plan, options)
    if signs:
        check_signable(environ, prepared.settings, root)
    return prepared


def execute(
    command: str,
    root: Path,
    flags: Flags,
    work: Callable[[Run], Awaitable[T]],
    *,
    options: Options,
    record: Path | None = None,
    traced: Callable[[Trace], None] | None = None,
    builds: bool = True,
) -> T:
    """Plan, bring the engine up, and do the work on it with progress shown and signals obeyed.

    :param command: what the user calls it.
    :param record: file that receives the release record, of a command that signs.
    :param traced: receives what there is to know of the run when it has ended, however it did.
    :param builds: false if others have built everything, and no build secret is asked for.
    """
    root = root.resolve()

    def prepare_it(environ: Mapping[str, str], recorder: Recorder) -> Prepared:
        prepared = ready(root, flags, options, environ, builds=builds, signs=record is not None)
        recorder.planned(prepared.plan)
        return prepared

    async def build(session: Session, call: Call, prepared: Prepared) -> T:
        return await work(building(session, call, prepared, options))

    return on_engine(command, root, flags, prepare_it, build, record=record, traced=traced)


def on_engine(
    command: str,
    root: Path,
    flags: Flags,
    prepare_it: Callable[[Mapping[str, str], Recorder], G],
    work: Callable[[Session, Call, G], Awaitable[T]],
    *,
    record: Path | None = None,
    traced: Callable[[Trace], None] | None = None,
) -> T:
    """The same for any work: `prepare_it` finds its ground before the engine is there.

    :param prepare_it: is given the variables, `.env` included.
    """
    root = root.resolve()
    environ = variables(root, flags)
    telemetry = begin(command, environ, record=traced is not None)
    try:
        with telemetry.watching():
            result = _execute(root, environ, prepare_it, work, telemetry, record=record)
    except BaseException as failure:
        # What ended the run is what has to be said, not that there is no trace of it; and one that was refused leaves
        # the folder as it was.
        with suppress(SealiftError):
            _end(telemetry, None if isinstance(failure, ConfigError) else traced, failure)
        raise
    _end(telemetry, traced, None)
    return result


def _end(telemetry: Telemetry, traced: Callable[[Trace], None] | None, failure: BaseException | None) -> None:
    """End the trace, and hand it on. That something could not be exported is said, and changes nothing else."""
    stopped = isinstance(failure, Interrupted)
    failure = None if isinstance(failure, NothingToDo) else failure
    telemetry.recorder.end(failure, result="cancellation" if stopped else None)
    if problem := telemetry.end():
        terminal.report(f"Telemetry was not exported, or not all of it: {problem}")
    if traced is not None:
        traced(telemetry.trace())


def _execute(
    root: Path,
    environ: Mapping[str, str],
    prepare_it: Callable[[Mapping[str, str], Recorder], G],
    work: Callable[[Session, Call, G], Awaitable[T]],
    telemetry: Telemetry,
    *,
    record: Path | None,
) -> T:
    recorder = telemetry.recorder
    with recorder.stage("plan"):
        ground = prepare_it(environ, recorder)
    recorder.releasing_to(ground.settings.environment)
    observer = terminal.observer(terminal.errors())
    with recorder.stage("engine"):
        engine = ensure_engine(environ)
    # Only what was written is said here; what an existing file lacks is said by `up`.
    for line in () if INSIDE in environ else write_dotenv(root, engine.registry, local_keys(environ)):
        observer.say(line)

    async def session() -> T:
        with engine_log(environ) as log:
            call = Call(
                root=root,
                environ=environ,
                engine=engine.environment,
                ground=ground,
                record=record,
                log=log,
                telemetry=telemetry,
                rebuilt=engine.rebuilt,
            )
            with observer:
                async with running(call, observer) as opened:
                    return await work(opened, call, ground)

    return anyio.run(interruptible, session)
