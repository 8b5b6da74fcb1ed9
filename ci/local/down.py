"""Takes down what `up` started, and nothing else."""

from __future__ import annotations

from ci.local.engine import stop_engine
from ci.local.locks import locked
from ci.local.official import remove_container
from ci.local.paths import require
from ci.local.podman import Podman, read_kernel
from ci.local.processes import end
from ci.local.record import Ledger, Record
from ci.local.setup import Setup

_FOLDERS = ("registry", "engine", "mirror", "run")
_FILES = ("engine.json", "containers.conf", "running.json")


def down(setup: Setup, *, purge: bool = False) -> list[str]:
    """Stop what `up` started, by the ids that it wrote down; returns what it stopped and removed.

    :param purge: remove the registry's images and the engine's cache as well. The cache of built tools stays.
    """
    require(setup.paths.state, setup.environment)
    with locked(setup.paths.state / "lock", setup.report):
        ledger = Ledger(setup.paths.record)
        stopped = _stop(setup, ledger.record, purge=purge)
        ledger.clear()
        return [*stopped, *_purge(setup)] if purge else stopped


def _stop(setup: Setup, record: Record, *, purge: bool) -> list[str]:
    stopped = []
    tool, container = record.containers.get("engine", ("", ""))
    if tool and stop_engine(Podman(setup, read_kernel()), container):
        stopped.append("engine")
    tool, container = record.containers.get("registry", ("", ""))
    if tool and remove_container(setup, tool, container, purge=purge):
        stopped.append("registry")
    if record.remote:
        stopped.append(f"the use of {record.remote['address']}, which runs on")
    return [*stopped, *(name for name, process in record.processes.items() if end(process))]


def _purge(setup: Setup) -> list[str]:
    """Remove the state. Root wrote the engine's part of it."""
    gone = []
    for folder in (setup.paths.state / name for name in _FOLDERS):
        if folder.exists():
            setup.report(f"removing {folder}")
            setup.runner.run(setup.as_root(["rm", "-rf", "--one-file-system", "--", folder]), timeout=600)
            gone.append(str(folder))
    for file in _FILES:
        (setup.paths.state / file).unlink(missing_ok=True)
    return gone
