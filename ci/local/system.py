"""What the machine itself must have: Debian packages, and binfmt handlers for the other architecture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ci.local.runner import Runner
from ci.local.setup import Setup
from pipelines.errors import EngineError

NEEDED = {
    "podman": "podman",
    "runc": "runc",
    "conmon": "conmon",
    "mmdebstrap": "mmdebstrap",
    # mmdebstrap only recommends these; it asks for them when it unpacks another architecture and checks signatures.
    "arch-test": "arch-test",
    "gpg": "gpg",
    "dpkg-deb": "dpkg",
    "npm": "npm",
    "git": "git",
    "update-binfmts": "binfmt-support",
    "qemu-aarch64-static": "qemu-user-static",
}
"""A program that mode (c) uses, and the Debian package that has it."""

_NETWORK = Path("/usr/lib/podman/netavark")
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_OTHER = {"amd64": "aarch64", "arm64": "x86_64"}
_FOUND_HERE = ("/usr/sbin", "/sbin")


def missing_packages(runner: Runner, root: Path = Path("/")) -> list[str]:
    """Debian packages that mode (c) needs and this machine lacks."""
    missing = [package for program, package in NEEDED.items() if not _has(runner, program, root)]
    return missing if (root / _NETWORK.relative_to("/")).exists() else [*missing, "netavark"]


def _has(runner: Runner, program: str, root: Path) -> bool:
    """On PATH, or where Debian keeps an administrator's programs, which a user's PATH may lack."""
    return runner.which(program) is not None or any((root / folder[1:] / program).exists() for folder in _FOUND_HERE)


def install_packages(setup: Setup) -> None:
    """Install what is missing with apt-get; EngineError naming the packages where that cannot be done."""
    missing = missing_packages(setup.runner)
    if not missing:
        return
    names = " ".join(missing)
    remedy = f"`apt-get install {names}`; or install Docker or Podman with access to the official images"
    if setup.runner.which("apt-get") is None:
        raise EngineError(
            f"the local engine needs {', '.join(missing)}, and this is not a Debian system", remedy=remedy
        )
    if not setup.root and not setup.runner.run(["sudo", "-n", "true"]).ok:
        raise EngineError(f"the local engine needs {', '.join(missing)}, and installing them needs root", remedy=remedy)
    _apt(setup, ["update"], "updating the package lists")
    _apt(setup, ["install", "--yes", "--no-install-recommends", *missing], f"installing {', '.join(missing)}")
    still = missing_packages(setup.runner)
    if still:
        raise EngineError(f"apt-get did not bring {', '.join(still)}", remedy=remedy)


def _apt(setup: Setup, arguments: Sequence[str], title: str) -> None:
    command = setup.as_root(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", *arguments])
    setup.runner.watch(command, title=title, report=setup.report)


def emulates(machine: str, folder: Path = _BINFMT) -> bool:
    """Can this kernel run the other architecture's programs inside of containers (the F flag: fix binary)?"""
    try:
        text = (folder / f"qemu-{_OTHER[machine]}").read_text()
    except OSError:
        return False
    flags = next((line.split(":", 1)[1] for line in text.splitlines() if line.startswith("flags:")), "")
    return text.startswith("enabled") and "F" in flags


def enable_emulation(setup: Setup, folder: Path = _BINFMT) -> str | None:
    """Register QEMU for the other architecture unless it is; returns a note if it cannot be done."""
    if emulates(setup.machine, folder):
        return None
    other = _OTHER[setup.machine]
    if not (folder / "register").exists():
        setup.runner.run(setup.as_root(["mount", "-t", "binfmt_misc", "binfmt_misc", folder]))
    done = setup.runner.run(setup.as_root(["/usr/sbin/update-binfmts", "--enable", f"qemu-{other}"]))
    if emulates(setup.machine, folder):
        setup.report(f"registered QEMU for {other}")
        return None
    reason = done.errors.strip() or "no binfmt_misc"
    return f"programs for {other} cannot run here, so images for it cannot be booted: {reason}"
