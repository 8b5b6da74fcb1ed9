"""The container tool of this machine, which pulled images are loaded into."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

from pipelines.errors import ConfigError, ToolError
from pipelines.model import Platform

TOOLS = ("docker", "podman", "nerdctl")
_SECONDS = 600
_PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}


def find_tool() -> str:
    """The first one that is installed and answers.

    :raises ConfigError: there is none.
    """
    for name in TOOLS:
        if shutil.which(name) and _run([name, "info"]).returncode == 0:
            return name
    raise ConfigError(
        f"--load needs a container tool, and none answers: {', '.join(TOOLS)}",
        remedy="install and start one, or take archives: --out FOLDER",
        step="pull",
    )


def own_platform() -> Platform:
    """The platform that this machine's containers are of."""
    machine = platform.machine().lower()
    return Platform(f"linux/{_PROCESSORS.get(machine, machine)}")


def load(tool: str, archive: Path) -> None:
    """Load an archive of one platform.

    :raises ToolError: the tool refused it.
    """
    done = _run([tool, "load", "--input", str(archive)])
    if done.returncode != 0:
        raise ToolError(
            f"'{tool} load' ended with exit code {done.returncode}: {' '.join(done.stderr.split())[-600:]}",
            remedy=f"see whether {tool} is in order and its disk has room; or take archives: --out FOLDER",
            step="pull",
        )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_SECONDS
    )
