"""The `sealift` command, running: the fork of a process that has imported it, for imports take two seconds of CPU."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TextIO

from tests.forked import become


def started(
    arguments: Sequence[str],
    *,
    root: Path,
    env: Mapping[str, str],
    network: Path | None = None,
    prepared: Callable[[], None] | None = None,
) -> tuple[BaseProcess, TextIO]:
    """Start the command in a session of its own; what it says on standard output and error can be read as it does.

    :param network: the file of the network namespace that it runs in, with everything that it starts; None for ours.
    :param prepared: runs in the command's process before it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ci.cli", "tests.faults.fork"])
    reader, writer = context.Pipe(duplex=False)
    with writer:
        process = context.Process(
            target=_main, args=(tuple(arguments), str(root), dict(env), network, writer, prepared)
        )
        process.start()
    with reader:
        return process, os.fdopen(os.dup(reader.fileno()), encoding="utf-8", errors="backslashreplace")


def _main(
    arguments: Sequence[str],
    root: str,
    env: Mapping[str, str],
    network: Path | None,
    output: Connection,
    prepared: Callable[[], None] | None,
) -> None:
    """What the script `sealift` does, with output, folder, network and environment of its own."""
    os.setsid()
    if network is not None:
        _enter(network)
    files = [os.open(os.devnull, os.O_RDONLY), os.dup(output.fileno()), os.dup(output.fileno())]
    output.close()
    become(arguments, root, env, files, prepared)


def _enter(network: Path) -> None:
    """Go to another network namespace: setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(network, os.O_RDONLY)
    if libc.setns(file, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), network)
    os.close(file)
