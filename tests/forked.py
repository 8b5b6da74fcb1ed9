"""The `sealift` command in a process of its own: forked from one that has imported it, which takes two seconds."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def forked(
    arguments: Sequence[str],
    root: Path,
    env: Mapping[str, str],
    *,
    timeout: float,
    prepared: Callable[[], None] | None = None,
) -> Done:
    """Run the command to its end, in a folder and with the variables, without a terminal.

    :param timeout: seconds.
    :param prepared: runs in the command's process before it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "ci.cli", "ci.run", "tests.forked"])
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = context.Process(
            target=_main, args=(arguments, str(root), dict(env), str(out), str(err)), kwargs={"prepared": prepared}
        )
        process.start()
        process.join(timeout=timeout)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"the command did not end within {timeout} s")
        return Done(
            code=process.exitcode,
            out=out.read_text("utf-8", "backslashreplace"),
            err=err.read_text("utf-8", "backslashreplace"),
        )


def _main(
    arguments: Sequence[str], root: str, env: Mapping[str, str], out: str, err: str, prepared: Callable[[], None] | None
) -> None:
    """What the script `sealift` does, with files, folder and environment of its own."""
    flags = os.O_WRONLY | os.O_CREAT
    files = [os.open(path, mode, 0o600) for path, mode in ((os.devnull, os.O_RDONLY), (out, flags), (err, flags))]
    become(arguments, root, env, files, prepared)


def become(
    arguments: Sequence[str],
    root: str,
    env: Mapping[str, str],
    files: Sequence[int],
    prepared: Callable[[], None] | None = None,
) -> None:
    """Do in this process what the script `sealift` does.

    :param files: descriptors of its standard input, output and error.
    """
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["sealift", *arguments]
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    if prepared is not None:
        prepared()
    from ci.cli import main

    main()
