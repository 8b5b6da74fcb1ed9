"""What `up` started, so that `down` ends that and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ci.local.processes import Process


@dataclass(frozen=True, kw_only=True)
class Record:
    """:param mode: how our engine is run: containers or assembled; empty if none was started.

    :param containers: tool and id or name of containers, by what they are for: ("podman", "6f2c…").
    :param processes: registries, by name.
    :param remote: the engine on another machine that is used instead of ours, as `Remote.as_record` writes it.
    :param engine_key: tells whether a running engine is the one that we would start now.
    """

    mode: str = ""
    containers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    processes: Mapping[str, Process] = field(default_factory=dict)
    engine_key: str = ""
    remote: Mapping[str, str] = field(default_factory=dict)


class Ledger:
    """The record, written down at every change: what was started is known even if the next step fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = load_record(path)

    def process(self, name: str, process: Process) -> None:
        """A registry was started."""
        self._write(replace(self.record, processes={**self.record.processes, name: process}))

    def container(self, name: str, tool: str, container: str) -> None:
        """A container was started."""
        self._write(replace(self.record, containers={**self.record.containers, name: (tool, container)}))

    def engine(self, *, mode: str, key: str = "") -> None:
        """An engine was chosen."""
        if (mode, key) != (self.record.mode, self.record.engine_key):
            self._write(replace(self.record, mode=mode, engine_key=key))

    def remote(self, remote: Mapping[str, str]) -> None:
        """An engine on another machine was chosen; or none, if empty."""
        if remote != self.record.remote:
            self._write(replace(self.record, remote=remote))

    def clear(self) -> None:
        """Everything was stopped."""
        self._write(Record())

    def _write(self, record: Record) -> None:
        self.record = record
        save_record(self.path, record)


def load_record(path: Path) -> Record:
    """The record, empty if there is none or it cannot be read (a machine that lost power, say)."""
    try:
        known = json.loads(path.read_text())
        return Record(
            mode=known["mode"],
            containers={name: (entry[0], entry[1]) for name, entry in known["containers"].items()},
            processes={name: Process(entry["pid"], entry["started"]) for name, entry in known["processes"].items()},
            engine_key=known["engine_key"],
            # Records of earlier versions have none.
            remote=dict(known.get("remote", {})),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return Record()


def save_record(path: Path, record: Record) -> None:
    """Write the record; a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record), indent=1))
    fresh.replace(path)
