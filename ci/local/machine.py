"""What this machine is, and which ports it gives us."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from ci.local.paths import Paths, find_paths
from ci.local.registry import Local
from ci.local.runner import Report, Runner, SystemRunner
from ci.local.setup import Setup
from pipelines.errors import ConfigError

EXTRA_CAS = Path("/usr/local/share/ca-certificates")
"""Where Debian and Ubuntu keep certificate authorities that an administrator added."""

_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


_SECRET = re.compile(r"TOKEN|PASSWORD|PASSPHRASE|SECRET|CREDENTIAL|PRIVATE_KEY|API_?KEY")
_ADDRESS = "env://"


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables without those that hold secrets: by their names, and by what addresses in the others name."""
    named = {value.removeprefix(_ADDRESS) for value in environment.values() if value.startswith(_ADDRESS)}
    return {name: value for name, value in environment.items() if name not in named and not _SECRET.search(name)}


def make_setup(
    environment: Mapping[str, str], report: Report, *, paths: Paths | None = None, runner: Runner | None = None
) -> Setup:
    """The set-up of this machine. No program that it runs is given what logs in or signs."""
    environment = without_secrets(environment)
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise ConfigError(
            f"no engine exists for {platform.machine()} processors", remedy="use a machine with amd64 or arm64"
        )
    return Setup(
        paths=paths or find_paths(environment),
        environment=environment,
        runner=runner or SystemRunner(environment),
        report=report,
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        machine=machine,
        extra_cas=tuple(sorted(EXTRA_CAS.glob("*.crt"))),
    )


def locals_of(setup: Setup) -> tuple[Local, Local]:
    """The user's registry and the mirror, at the ports that the environment says."""
    registry = Local(
        "registry",
        _port(setup, "SEALIFT_REGISTRY_PORT", 5000),
        setup.paths.state / "registry" / "blobs",
        "SEALIFT_REGISTRY_PORT",
    )
    mirror = Local(
        "mirror", _port(setup, "SEALIFT_MIRROR_PORT", 5055), setup.paths.cache / "mirror", "SEALIFT_MIRROR_PORT"
    )
    return registry, mirror


def _port(setup: Setup, variable: str, usual: int) -> int:
    text = setup.environment.get(variable) or str(usual)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ConfigError(
            f"{variable} is {text!r}, which is no port", remedy="set it to a number from 1 to 65535, or unset it"
        )
    return int(text)
