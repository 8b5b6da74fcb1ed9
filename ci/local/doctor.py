"""Says what this machine lacks, and how to mend it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ci.local.engine import listens, socket_path
from ci.local.finding import Finding, Level
from ci.local.machine import locals_of
from ci.local.official import RUNNER_HOST, live_tool
from ci.local.paths import find_keys, why_not_writable
from ci.local.podman import containers_conf, read_kernel
from ci.local.reaching import look
from ci.local.record import load_record
from ci.local.registry import answers, port_holder
from ci.local.remote import remote_from_record
from ci.local.setup import Setup
from ci.local.system import emulates, missing_packages
from ci.local.toolchain import GO_NEEDED, go_version

GIGABYTE = 1_000_000_000
SPACE_NEEDED = 20 * GIGABYTE
LEAST_FREE = 4 * GIGABYTE
"""Bytes that must be free for an assembled engine to keep its cache: see `engine.py`."""
OFFICIAL_LEAST_FREE = 0.2
"""The same for the official engine, as a part of the disk."""
LARGE_ENV = 32_768
"""Bytes of a `.env` from which on loading a Dagger module takes noticeably longer."""


def diagnose(setup: Setup, repository: Path = Path()) -> list[Finding]:
    """Look at the machine and at the repository; starts, changes and installs nothing."""
    checks: Sequence[Callable[[], Finding]] = (
        lambda: _container_tool(setup),
        lambda: _go(setup),
        lambda: _packages(setup),
        lambda: _folders(setup),
        lambda: _space(setup),
        lambda: _fullness(setup),
        lambda: _emulation(setup),
        _kernel,
        lambda: _authorities(setup),
        lambda: _engine(setup),
        lambda: _registry(setup),
        lambda: _env_file(repository / ".env"),
    )
    return [check() for check in checks]


def _assembled(setup: Setup) -> bool:
    """Is the engine one that we assemble? Then what assembling needs matters."""
    given = setup.environment.get(RUNNER_HOST)
    record = load_record(setup.paths.record)
    if record.remote:
        return False
    return record.mode == "assembled" or (not record.mode and not given and not live_tool(setup))


def _container_tool(setup: Setup) -> Finding:
    host = setup.environment.get(RUNNER_HOST)
    if host:
        return Finding("ok", f"{RUNNER_HOST} names an engine: {host}")
    tools = live_tool(setup)
    if tools:
        return Finding("ok", f"container tools that answer: {', '.join(tools)}")
    remedy = "install Docker or Podman to use the official images; without, the engine is assembled (Linux only)"
    return Finding("warn", "no container tool answers", remedy)


def _go(setup: Setup) -> Finding:
    version = go_version(setup)
    if version is not None and version >= GO_NEEDED:
        return Finding("ok", f"Go {version[0]}.{version[1]}")
    what = f"Go {version[0]}.{version[1]} is too old" if version else "no Go"
    level: Level = "fail" if _assembled(setup) else "ok"
    return Finding(
        level, f"{what} (only an assembled engine needs it)", f"install Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or later"
    )


def _packages(setup: Setup) -> Finding:
    missing = missing_packages(setup.runner)
    if not missing:
        return Finding("ok", "every Debian package that an assembled engine needs is installed")
    mends_itself = setup.root or setup.runner.run(["sudo", "-n", "true"]).ok
    level: Level = "ok" if not _assembled(setup) else "warn" if mends_itself else "fail"
    remedy = f"`sealift up` installs them; or `apt-get install {' '.join(missing)}`"
    return Finding(level, f"not installed: {', '.join(missing)} (only an assembled engine needs them)", remedy)


def _folders(setup: Setup) -> Finding:
    folders = {"SEALIFT_STATE_DIR": setup.paths.state, "SEALIFT_CACHE_DIR": setup.paths.cache}
    keys = find_keys(setup.environment)
    if not keys.is_dir():
        folders["SEALIFT_KEYS_DIR"] = keys
    wrong = {variable: path for variable, path in folders.items() if why_not_writable(path)}
    if not wrong:
        return Finding("ok", "the folders for state, cache and keys can be written")
    what = ", ".join(str(path) for path in wrong.values())
    return Finding("fail", f"cannot be written: {what}", f"make it writable, or set {' and '.join(wrong)}")


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _space(setup: Setup) -> Finding:
    free = shutil.disk_usage(_existing(setup.paths.cache)).free
    what = f"{free / GIGABYTE:.0f} GB free for {setup.paths.cache}"
    if free >= SPACE_NEEDED:
        return Finding("ok", what)
    return Finding("warn", what, f"make room ({SPACE_NEEDED // GIGABYTE} GB), or move it with SEALIFT_CACHE_DIR")


def _fullness(setup: Setup) -> Finding:
    """When the engine's garbage collection begins: the official engine's rule, or the bound that we give ours."""
    usage = shutil.disk_usage(_existing(setup.paths.state))
    least = LEAST_FREE if _assembled(setup) else int(usage.total * OFFICIAL_LEAST_FREE)
    what = f"the engine throws its cache away once less than {least / GIGABYTE:.0f} GB of the disk are free"
    if usage.free > least:
        return Finding("ok", what)
    what = (
        f"{usage.free / GIGABYTE:.0f} GB of the disk are free: below {least / GIGABYTE:.0f} GB the engine keeps little"
    )
    return Finding("warn", f"{what}, and every run starts cold", "make room, or set SEALIFT_STATE_DIR")


def _emulation(setup: Setup) -> Finding:
    if emulates(setup.machine):
        return Finding("ok", "images for the other architecture can be booted (binfmt_misc, with the fix-binary flag)")
    remedy = "`sealift up` registers QEMU as root; or `apt-get install qemu-user-static binfmt-support`"
    return Finding("warn", "no QEMU is registered for the other architecture: its images cannot be booted", remedy)


def _kernel() -> Finding:
    try:
        text = containers_conf(read_kernel())
    except (OSError, KeyError):
        return Finding("ok", "no Linux kernel here: Podman's settings are its own affair")
    if text is None:
        return Finding("ok", "Podman needs no settings for this kernel")
    return Finding("ok", "Podman gets settings for this kernel from `sealift up`: " + ", ".join(text.split("\n")[1::2]))


def _authorities(setup: Setup) -> Finding:
    if not setup.extra_cas:
        return Finding("ok", "no certificate authorities were added to this machine")
    count = len(setup.extra_cas)
    if _assembled(setup):
        return Finding(
            "ok", f"{count} certificate authorities were added to this machine; the rebuilt images trust them"
        )
    remedy = (
        "keep it in mind when comparing times; an assembled engine (`sealift up` without a container tool) avoids it"
    )
    cost = "an engine that has them mounted spends some 2 s more on every command in a Debian image"
    return Finding("warn", f"{count} certificate authorities were added to this machine: {cost}", remedy)


def _engine(setup: Setup) -> Finding:
    record = load_record(setup.paths.record)
    if remote := remote_from_record(record.remote):
        return look(remote)
    if record.mode == "assembled":
        if listens(socket_path(setup)):
            return Finding("ok", "the engine is up")
        return Finding("warn", "the engine is down", "`sealift up` starts it")
    return Finding("ok", f"the engine's mode: {record.mode or 'not chosen yet'}")


def _registry(setup: Setup) -> Finding:
    registry, _ = locals_of(setup)
    if answers(registry.port):
        return Finding("ok", f"a registry answers on {registry.address}")
    holder = port_holder(registry.port)
    if holder is None:
        return Finding("ok", f"port {registry.port} is free for the registry")
    what = f"port {registry.port} is taken by {holder}, which is no registry"
    return Finding("fail", what, f"end it, or choose another port with {registry.variable}=PORT")


def _env_file(path: Path) -> Finding:
    size = path.stat().st_size if path.is_file() else 0
    if size <= LARGE_ENV:
        return Finding("ok", "no large .env at the repository's root")
    return Finding("warn", f".env has {size:,} bytes, and Dagger reads it at every call", "keep only variables in it")
