"""What the benchmark ran on: enough to judge the numbers by, nothing that names the machine."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from ci.local.toolchain import DAGGER
from tests.bench.buildkit import BUILDKIT


def describe(root: Path = Path("/")) -> Mapping[str, str]:
    """Label → value, for the report."""
    cores = len(os.sched_getaffinity(0))
    memory = int(_field(root / "proc/meminfo", "MemTotal").split()[0]) / 1024**2
    return {
        "processor": f"{cores} cores, {_field(root / 'proc/cpuinfo', 'model name')}, {platform.machine()}",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "system": _field(root / "etc/os-release", "PRETTY_NAME", separator="=").strip('"'),
        "Python": platform.python_version(),
        "Dagger": DAGGER.version,
        "BuildKit": BUILDKIT.version,
    }


def cores(machine: Mapping[str, str]) -> int:
    """The number of cores in a description."""
    return int(machine["processor"].split()[0])


def _field(file: Path, name: str, separator: str = ":") -> str:
    """The value of `name` in a file of `name: value` lines; empty if it has none, as some have no model name."""
    found = re.search(rf"^{re.escape(name)}\s*{separator}\s*(.*)$", file.read_text(), re.MULTILINE)
    return found[1].strip() if found else ""
