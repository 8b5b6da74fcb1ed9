"""Podman, told what this machine's kernel allows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ci.local.engine_image import engine_image_key, write_engine_image
from ci.local.mirror import layout_folder, push_layout
from ci.local.registry import Local
from ci.local.runner import Completed
from ci.local.setup import Setup
from pipelines.errors import EngineError

_SYS_RESOURCE = 1 << 24
"""CAP_SYS_RESOURCE, which raising a limit needs: capabilities(7)."""


@dataclass(frozen=True)
class Kernel:
    """:param hybrid: cgroup v1 and v2 side by side, which crun refuses.

    :param limits: resource limits that containers may have, if this process may not raise them.
    """

    hybrid: bool
    limits: Mapping[str, int] | None


def read_kernel(root: Path = Path("/")) -> Kernel:
    """What the kernel that we run on allows, from /proc and /sys."""
    cgroup = root / "sys/fs/cgroup"
    hybrid = (cgroup / "unified").is_dir() and not (cgroup / "cgroup.controllers").exists()
    status = dict(line.split(":", 1) for line in (root / "proc/self/status").read_text().splitlines() if ":" in line)
    if int(status["CapEff"].strip(), 16) & _SYS_RESOURCE:
        return Kernel(hybrid, None)
    names = {"Max open files": ("nofile", 20000), "Max processes": ("nproc", 4096)}
    limits = {}
    for line in (root / "proc/self/limits").read_text().splitlines():
        for title, (name, usual) in names.items():
            if line.startswith(title):
                hard = line.removeprefix(title).split()[1]
                limits[name] = usual if hard == "unlimited" else min(usual, int(hard))
    return Kernel(hybrid, limits)


def containers_conf(kernel: Kernel) -> str | None:
    """The text of a containers.conf(5) for such a kernel; None if Podman's own settings do."""
    lines = []
    if kernel.limits is not None:
        limits = json.dumps([f"{name}={value}:{value}" for name, value in sorted(kernel.limits.items())])
        lines += ["[containers]", f"default_ulimits = {limits}"]
    if kernel.hybrid:
        lines += ["[engine]", 'runtime = "runc"']
    return "\n".join(lines) + "\n" if lines else None


class Podman:
    """Runs podman with the settings that this machine needs, kept in our state folder rather than system-wide."""

    def __init__(self, setup: Setup, kernel: Kernel) -> None:
        self.setup = setup
        text = containers_conf(kernel)
        self.variables: dict[str, str] = {}
        if text is not None:
            setup.paths.state.mkdir(parents=True, exist_ok=True)
            file = setup.paths.state / "containers.conf"
            file.write_text(text)
            self.variables["CONTAINERS_CONF"] = str(file)

    def run(self, *arguments: str | Path, timeout: float = 120) -> Completed:
        """`podman …` as root."""
        variables = [f"{name}={value}" for name, value in self.variables.items()]
        command = self.setup.as_root(["env", *variables, "podman", *arguments])
        return self.setup.runner.run(command, timeout=timeout)

    def check(self, *arguments: str | Path, timeout: float = 120) -> str:
        """The same; what it prints, or EngineError."""
        done = self.run(*arguments, timeout=timeout)
        if not done.ok:
            raise EngineError(
                f"podman {arguments[0]} failed: {(done.errors or done.output).strip()}",
                remedy="`sealift doctor` checks what Podman needs on this machine",
            )
        return done.output.strip()

    def forget_images(self, *, except_for: str) -> None:
        """Remove earlier engines' images, unless a container uses them."""
        listed = self.run("images", "--filter", "reference=*/sealift/engine", "--format", "{{.Repository}}:{{.Tag}}")
        for name in listed.output.split():
            if name != except_for:
                self.run("rmi", name)

    def image(self, mirror: Local) -> str:
        """The name of the engine's image, assembled and loaded by way of the mirror if it is not there."""
        repository = f"sealift/engine:{engine_image_key(self.setup)}"
        name = f"{mirror.address}/{repository}"
        if not self.run("image", "exists", name).ok:
            with layout_folder(self.setup) as layout:
                write_engine_image(self.setup, layout)
                push_layout(self.setup, mirror, layout, repository)
            self.setup.report("loading the engine's image into Podman …")
            self.check("pull", "--quiet", "--tls-verify=false", name, timeout=600)
        return name
