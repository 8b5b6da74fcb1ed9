"""Killed releases by several processes at once, each with registries, a repository and draws of its own."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.soak.killed import Killed
from tests.soak.kills import begin
from tests.soak.stand import standing

Heard = "Queue[str | Killed]"


def shares(kills: int, at_once: int) -> list[int]:
    """How many releases each process kills: as equal as can be, none of them zero."""
    return [kills // at_once + (number < kills % at_once) for number in range(min(kills, at_once))]


def kill_all(
    engine: Mapping[str, str], seed: int, kills: int, at_once: int, out: Path, said: Callable[[str], None]
) -> Iterator[Killed]:
    """Each killed release, when it has ended.

    :param seed: that of a process has the process's number behind it.
    :param out: receives what was printed by those that ended wrong.
    :raises RuntimeError: a process did not do all of its releases.
    """
    context = multiprocessing.get_context("spawn")
    heard: Heard = context.Queue()
    workers = [
        context.Process(target=_work, args=(engine, f"{seed}.{number}", share, out, heard))
        for number, share in enumerate(shares(kills, at_once))
    ]
    for worker in workers:
        worker.start()
    try:
        done = 0
        while done < kills:
            if any(worker.exitcode for worker in workers):
                for worker in workers:
                    if worker.is_alive() and worker.pid:
                        os.kill(worker.pid, signal.SIGINT)
                raise RuntimeError("a process of the soak has failed; what it said is above")
            try:
                item = heard.get(timeout=5)
            except queue.Empty:
                continue
            if isinstance(item, Killed):
                done += 1
                yield item
            else:
                said(f"{done:4} of {kills}  {item}")
    finally:
        for worker in workers:
            # An interrupt reaches them too, and they end what they have begun.
            worker.join()


def _work(engine: Mapping[str, str], seed: str, kills: int, out: Path, heard: Heard) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as name,
        standing(Path(name) / "registries") as stand,
    ):
        made = begin(stand, engine, Path(name), seed, partial(_say, heard, seed))
        for number in range(kills):
            killed = made.one(number)
            heard.put(killed)
            if killed.wrong:
                out.mkdir(parents=True, exist_ok=True)
                (out / f"wrong-{seed}-{number}.txt").write_text("\n".join([killed.wrong, *made.log]))


def _say(heard: Heard, seed: str, text: str) -> None:
    heard.put(f"{seed}  {text}")
