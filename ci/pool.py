"""`build-all --engine …`: images are built on the engines of a pool, and released by this machine's own.

Each engine builds in a process of its own, as `sealift build --partial` does on a runner, so that a lost engine takes
nothing with it but its own work, which moves to another.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from ci.interrupt import interruptible
from ci.local.remote import Remote
from ci.local_commands import engine_log
from ci.reach import RUNNER_HOST, check_reachable
from ci.remote_check import engine_platform
from ci.terminal import report
from pipelines.config import Flags
from pipelines.errors import EngineError, ExitCode, SealiftError
from pipelines.model import Platform, Unit
from pipelines.placing import Task, next_task, place
from pipelines.plan import Plan

SECONDS = 10.0
"""Between two health checks of an engine that is at work."""
_MISSED = 3
"""Checks that fail one after the other, until an engine counts as lost."""


@dataclass
class _Pool:
    """What waits, and who is left.

    :param unfinished: tasks that no engine has done yet.
    :param options: of `sealift build`, the same for all tasks.
    """

    living: dict[str, Remote]
    waiting: list[Task]
    unfinished: int
    options: Sequence[str]
    changed: anyio.Condition = field(default_factory=anyio.Condition)


def built_on(
    remotes: Sequence[Remote],
    plan: Plan,
    flags: Flags,
    root: Path,
    folder: Path,
    times: Mapping[Unit, float],
    *,
    no_cache: bool = False,
) -> None:
    """Build everything of the plan on the engines, into partials below a folder.

    :param times: unit → seconds that it took before.
    :raises EngineError: no engine answers, or all were lost.
    :raises SealiftError: a build failed, with its exit code.
    """
    platforms = _platforms(remotes)
    shutil.rmtree(folder, ignore_errors=True)
    tasks = place(plan, platforms, times)
    living = {remote.address: remote for remote in remotes if remote.address in platforms}
    pool = _Pool(
        living=living,
        waiting=list(tasks),
        unfinished=len(tasks),
        options=[*_options(flags), f"--root={root}", *(["--no-cache"] if no_cache else [])],
    )
    anyio.run(interruptible, partial(_work, pool, folder))


def _platforms(remotes: Sequence[Remote]) -> dict[str, Platform]:
    """Address → platform of each engine that answers; of the others it is said why not."""
    found: dict[str, Platform] = {}
    before = dict(os.environ)
    for remote in remotes:
        try:
            check_reachable({RUNNER_HOST: remote.for_dagger})
            with engine_log(before) as log:
                asked = partial(engine_platform, {RUNNER_HOST: remote.for_dagger}, remote.address, log)
                found[remote.address] = Platform(anyio.run(asked))
            report(f"{remote.address}: {found[remote.address]}")
        except EngineError as error:
            report(f"{remote.address} is left out: {error.what}")
        finally:
            # A session is opened by what the process's own environment says.
            os.environ.clear()
            os.environ.update(before)
    if not found:
        raise EngineError(
            "no engine of the pool answers",
            remedy="see above what each lacks; docs/engines.md has each text",
            step="pool",
        )
    return found


async def _work(pool: _Pool, folder: Path) -> None:
    failures: list[SealiftError] = []
    async with anyio.create_task_group() as group:

        async def worker(remote: Remote) -> None:
            try:
                await _worker(pool, remote, folder)
            except SealiftError as failure:
                # The first one: it ends the others' work.
                failures.append(failure)
                group.cancel_scope.cancel()

        for remote in list(pool.living.values()):
            group.start_soon(worker, remote)
    if failures:
        raise failures[0]


async def _worker(pool: _Pool, remote: Remote, folder: Path) -> None:
    """Take tasks until none is left, or the engine is lost."""
    while True:
        async with pool.changed:
            while (task := next_task(pool.waiting, remote.address, pool.living)) is None and pool.unfinished:
                await pool.changed.wait()
            if task is None:
                return
            pool.waiting.remove(task)
        report(f"{remote.address} builds {task}")
        done = await _built(remote, task, [*pool.options, f"--partial={folder / str(task.number)}"])
        async with pool.changed:
            pool.changed.notify_all()
            if done:
                pool.unfinished -= 1
                continue
            del pool.living[remote.address]
            pool.waiting.insert(0, task)
            if not pool.living:
                raise EngineError(
                    f"all engines of the pool were lost, the last while it built {task}",
                    remedy="nothing has left the machine: bring an engine back, and run the command again",
                    step="pool",
                )
            report(f"{remote.address} is lost: {task} goes to another engine, of which {len(pool.living)} are left")
            return


async def _built(remote: Remote, task: Task, options: Sequence[str]) -> bool:
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


def _options(flags: Flags) -> list[str]:
    given = {"env": flags.env, "version": flags.version, "jobs": flags.jobs, "registry": flags.registry}
    return [f"--{name}={value}" for name, value in given.items() if value is not None]


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
