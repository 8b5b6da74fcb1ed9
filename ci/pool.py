"""`build-all --engine …`: images are built on the engines of a pool, and released by this machine's own.

Each engine builds in a process of its own, as `sealift build --partial` does on a runner, so that a lost engine takes
nothing with it but its own work, which moves to another.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from ci.interrupt import interruptible
from ci.local.reaching import check_remote
from ci.local.remote import Remote
from ci.local_commands import engine_log, ensure_engine
from ci.pool_process import built
from ci.reach import RUNNER_HOST
from ci.remote_check import engine_platform
from ci.terminal import report
from pipelines.config import Flags
from pipelines.errors import EngineError, SealiftError
from pipelines.model import Platform, Unit
from pipelines.placing import Task, next_task, place
from pipelines.plan import Plan


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
    """Build everything of the plan on the engines, into partials below an empty folder.

    :param times: unit → seconds that it took before.
    :raises ConfigError: a file for an engine cannot be used.
    :raises EngineError: no engine answers, or all were lost.
    :raises SealiftError: a build failed, with its exit code.
    """
    # The home engine, which releases; and with it the client that finds the others.
    running = ensure_engine(os.environ)
    platforms = _platforms(remotes, running.environment)
    tasks = place(plan, platforms, times)
    living = {remote.address: remote for remote in remotes if remote.address in platforms}
    pool = _Pool(
        living=living,
        waiting=list(tasks),
        unfinished=len(tasks),
        options=[*_options(flags), f"--root={root}", *(["--no-cache"] if no_cache else [])],
    )
    anyio.run(interruptible, partial(_work, pool, folder))


def _platforms(remotes: Sequence[Remote], client: Mapping[str, str]) -> dict[str, Platform]:
    """Address → platform of each engine that answers; of the others it is said why not."""
    found: dict[str, Platform] = {}
    before = dict(os.environ)
    for remote in remotes:
        try:
            check_remote(remote, datetime.now(UTC))
            with engine_log(before) as log:
                asked = partial(engine_platform, {**client, RUNNER_HOST: remote.for_dagger}, remote.address, log)
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
        done = await built(remote, task, [*pool.options, f"--partial={folder / str(task.number)}"])
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
            report(f"{remote.address} is lost: {task} goes to another engine ({len(pool.living)} left)")
            return


def _options(flags: Flags) -> list[str]:
    given = {"env": flags.env, "version": flags.version, "jobs": flags.jobs, "registry": flags.registry}
    return [f"--{name}={value}" for name, value in given.items() if value is not None]
