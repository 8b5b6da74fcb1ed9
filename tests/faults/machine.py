"""A machine of its own for tests that break it: a network namespace with an engine, a mirror and a registry in it.

The namespace has a loopback and nothing else, so the machine has no network either. Its engine keeps its state on a
tmpfs, whose size a test may change. The cache of built tools and mirrored images is the user's own.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.programs import below, eventually, programs
from tests.scratch import ROOT, SEALIFT, run

GIGABYTE = 1 << 30
SIZE = 6 * GIGABYTE
"""Bytes that the engine's state may take; a tmpfs takes only what is in use."""


@dataclass
class Machine:
    """:param holder: the process that keeps the network namespace.

    :param state: where its `sealift` keeps engine and registry; a tmpfs.
    :param home: a folder that is no repository.
    :param env: variables for everything that runs on it.
    """

    holder: int
    state: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def network(self) -> Path:
        """The file that is its network namespace."""
        return Path(f"/proc/{self.holder}/ns/net")

    def inside(self, *arguments: str) -> list[str]:
        """The command, run on this machine's network. The process that is started becomes the command itself."""
        return ["nsenter", f"--target={self.holder}", "--net", "--", *arguments]

    def run(self, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run a command on this machine to its end."""
        return run(self.inside(*arguments), cwd=cwd, env=self.env)

    def sealift(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`sealift …` outside of any repository."""
        return self.run(*SEALIFT, *arguments, cwd=self.home)

    def up(self) -> None:
        """Start what is not running."""
        done = self.sealift("up")
        assert done.returncode == 0, done.stderr

    def containers(self) -> list[str]:
        """Names of the containers, running or not, that keep their state here."""
        done = run(
            ["podman", "ps", "--all", "--filter", f"label=dev.sealift.state={self.state}", "--format={{.Names}}"]
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def address(self) -> str:
        """Where clients find the engine, on any network: a socket."""
        lines = self.sealift("env").stdout.splitlines()
        words = dict(shlex.split(line)[1].split("=", 1) for line in lines)
        return words["_EXPERIMENTAL_DAGGER_RUNNER_HOST"]

    def container(self) -> str:
        """The id of the engine's container."""
        return str(json.loads((self.state / "running.json").read_text())["containers"]["engine"][1])

    def engine(self) -> int:
        """The engine's process id."""
        done = run(["podman", "inspect", "--format", "{{.State.Pid}}", self.container()])
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def kill_engine(self) -> None:
        """As the kernel does when memory is short, or an administrator: SIGKILL, and it is gone."""
        pid = self.engine()
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: pid not in {program.pid for program in programs()})

    def running(self) -> list[str]:
        """What runs on this machine's network, or was started with its state folder; not what keeps the network."""
        network = str(self.network.readlink())
        return [
            program.command
            for program in programs()
            if program.pid != self.holder
            and (program.network() == network or program.started_with("SEALIFT_STATE_DIR", str(self.state)))
        ]

    def at_work(self) -> list[str]:
        """What the engine runs: services, tools, steps of a build. Its own name server does not count."""
        return [program.command for program in below(self.engine()) if "dnsmasq" not in program.command]

    def resize(self, size: int) -> None:
        """Let the state folder's disk have that many bytes."""
        done = run(["mount", "-o", f"remount,size={size}", str(self.state)])
        assert done.returncode == 0, done.stderr

    def used(self) -> int:
        """Bytes that are on the state folder's disk."""
        disk = os.statvfs(self.state)
        return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def missing() -> str | None:
    """Why such a machine cannot be had here; None if it can."""
    if os.uname().sysname != "Linux":
        return "a machine of its own needs Linux"
    if os.geteuid() != 0:
        return "a machine of its own needs root: namespaces and mounts"
    for command in (["podman", "--version"], ["nsenter", "--version"], ["unshare", "--net", "ip", "link"]):
        try:
            done = run(command)
        except FileNotFoundError:
            return f"a machine of its own needs {command[0]}"
        if done.returncode != 0:
            return f"a machine of its own needs `{' '.join(command)}`: {done.stderr.strip()}"
    return None


@contextmanager
def held(folder: Path, env: Mapping[str, str]) -> Iterator[Machine]:
    """A machine with nothing started on it; everything that was is ended and removed afterwards.

    :param folder: an empty folder, with a short name: a socket's has at most 107 bytes.
    """
    state, home = folder / "state", folder / "home"
    for made in (state, home):
        made.mkdir()
    done = run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(state)])
    assert done.returncode == 0, done.stderr
    # unshare becomes the shell, and the shell becomes sleep: one process.
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "up\n"
        own = {
            "SEALIFT_STATE_DIR": str(state),
            "SEALIFT_KEYS_DIR": str(home / "keys"),
            # The shell that runs the tests may point at the user's own engine.
            "_EXPERIMENTAL_DAGGER_RUNNER_HOST": "",
        }
        machine = Machine(holder=holder.pid, state=state, home=home, env={**env, **own})
        try:
            yield machine
        finally:
            ended = machine.sealift("down")
            assert ended.returncode == 0, ended.stderr
            assert machine.containers() == []
            assert eventually(lambda: not machine.running()), machine.running()
    finally:
        holder.kill()
        holder.wait()
        if holder.stdout:
            holder.stdout.close()
        done = run(["umount", str(state)])
        assert done.returncode == 0, done.stderr
    # The network namespace has gone with the last process on it.
    assert str(folder) not in Path("/proc/mounts").read_text()
