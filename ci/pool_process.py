"""One task of a pool, in a process of its own on its engine; and whether that engine is still there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from ci.local.remote import Remote
from ci.reach import RUNNER_HOST, check_reachable
from ci.terminal import report
from pipelines.errors import EngineError, ExitCode, SealiftError
from pipelines.placing import Task

SECONDS = 10.0
"""Between two health checks of an engine that is at work."""
_MISSED = 3
"""Checks that fail one after the other, until an engine counts as lost."""


async def built(remote: Remote, task: Task, options: Sequence[str]) -> bool:
    """Build the task; False if the engine was lost meanwhile.

    :raises SealiftError: it failed by itself.
    """
    environ = {**os.environ, RUNNER_HOST: remote.for_dagger, "NO_COLOR": "1"}
    said: list[str] = []
    lost = anyio.Event()
    chosen = [*(f"--service={name}" for name in task.services), *(f"--platform={name}" for name in task.platforms)]
    process = await anyio.open_process(
        [sys.executable, "-m", "ci", "build", *chosen, *options, "--json"],
        env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, remote, process, lost)
            await _heard(process, remote.address, said)
            code = await process.wait()
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _ended(process)
    if code == 0:
        return True
    if lost.is_set() or code == ExitCode.ENGINE or not _alive(remote):
        return False
    what, _, remedy = "\n".join(said).partition("\n  remedy: ")
    failure = SealiftError(
        what.rpartition("error: ")[2] or f"ended with exit code {code}",
        remedy=remedy or "its own lines are above",
        step=f"on {remote.address}",
    )
    failure.exit_code = ExitCode(code) if code in list(ExitCode) else ExitCode.FAILED
    raise failure


async def _heard(process: Process, name: str, said: list[str]) -> None:
    """Pass on what it says, line by line; what follows `error:` is kept."""
    assert process.stderr is not None  # noqa: S101 - it was asked for
    rest = ""
    async for text in TextReceiveStream(process.stderr, errors="replace"):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            if said or line.startswith("error: "):
                said.append(line)
            else:
                report(f"{name}: {line}")
    if rest:
        said.append(rest)


async def _watch(remote: Remote, process: Process, lost: anyio.Event) -> None:
    """See now and then that the engine answers: one that is gone without a word keeps its client waiting."""
    missed = 0
    while True:
        await anyio.sleep(SECONDS)
        missed = 0 if await anyio.to_thread.run_sync(_alive, remote) else missed + 1
        if missed == _MISSED:
            lost.set()
            _signal(process, signal.SIGKILL)
            return


def _alive(remote: Remote) -> bool:
    try:
        check_reachable({RUNNER_HOST: remote.for_dagger})
    except EngineError:
        return False
    return True


async def _ended(process: Process) -> None:
    """End what is still running: in order, and after a while at once."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with anyio.move_on_after(30):
            await process.wait()
    if process.returncode is None:
        _signal(process, signal.SIGKILL)
        await process.wait()
    await process.aclose()


def _signal(process: Process, number: signal.Signals) -> None:
    """To all of the session: the command, and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
