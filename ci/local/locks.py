"""Two set-ups at once do not break each other: one waits, and what is built appears whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ci.local.runner import HEARTBEAT, Report


@contextmanager
def locked(path: Path, report: Report, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold the lock file; the system lets go of it when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        waited = 0.0
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if waited % HEARTBEAT == 0:
                    report(f"another set-up is at work (it holds {path}): waiting, {waited:.0f} s so far")
                pause(0.5)
                waited += 0.5
        yield


def built(target: Path, build: Callable[[Path], None]) -> Path:
    """`target`, made by `build(empty folder)` unless it is there; it appears by one rename."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        work.chmod(0o755)
        build(work)
        work.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target
