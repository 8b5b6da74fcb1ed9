"""What every command does that needs a plan, or the engine: prepare, bring it up, work on it, obey signals."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import anyio
from rich.console import Console

from ci.addresses import INSIDE
from ci.dotenv import write_dotenv
from ci.front import Prepared, prepare
from ci.interrupt import interruptible
from ci.local_commands import engine_log, ensure_engine
from ci.progress import Lines, View
from ci.session import Call, local_keys, running
from pipelines.config import Flags, environ_with_dotenv
from pipelines.graph import Options, Run, check_options
from pipelines.report import summary

T = TypeVar("T")


def errors() -> Console:
    """Progress and errors go to standard error; standard output is for results."""
    return Console(stderr=True, highlight=False)


def answers() -> Console:
    """Standard output: as wide as the terminal, or as wide as `summary.txt` where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else summary.WIDTH)


def planned(root: Path, flags: Flags) -> Prepared:
    """The plan for the repository at `root`, by the flags and the variables; no engine is asked.

    :raises ConfigError: every problem that the files, the variables and the flags have.
    """
    root = root.resolve()
    return prepare(root, environ_with_dotenv(root, os.environ), flags, now=datetime.now(UTC))


def execute(
    root: Path, flags: Flags, work: Callable[[Run], Awaitable[T]], *, options: Options, record: Path | None = None
) -> T:
    """Prepare, bring the engine up, and do the work on it with progress shown and signals obeyed."""
    root = root.resolve()
    prepared = planned(root, flags)
    check_options(prepared.plan, options)
    environ = environ_with_dotenv(root, os.environ)
    console = errors()
    observer = (
        View(console)
        if console.is_terminal
        else Lines(lambda line: console.print(line, soft_wrap=True, markup=False, emoji=False))
    )
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
                prepared=prepared,
                options=options,
                record=record,
                log=log,
            )
            with observer:
                async with running(call, observer) as run:
                    return await work(run)

    return anyio.run(interruptible, session)
