from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local.podman import Kernel, Podman, containers_conf, read_kernel
from ci.local.setup import Setup
from pipelines.errors import EngineError

if TYPE_CHECKING:
    from conftest import RecordingRunner

LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max processes             96365                96365                processes
Max open files            1024                 4096                 files
"""


def machine(root: Path, capabilities: str, *cgroups: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/status").write_text(f"Name:\tx\nCapEff:\t{capabilities}\n")
    (root / "proc/self/limits").write_text(LIMITS)
    for name in cgroups:
        (root / "sys/fs/cgroup" / name).mkdir(parents=True)
    return root


def test_a_laptop_needs_nothing(tmp_path: Path) -> None:
    kernel = read_kernel(machine(tmp_path, "000001ffffffffff", "cgroup.controllers"))
    assert kernel == Kernel(hybrid=False, limits=None)
    assert containers_conf(kernel) is None


def test_side_by_side_cgroups_need_runc(tmp_path: Path) -> None:
    kernel = read_kernel(machine(tmp_path, "000001ffffffffff", "unified", "memory"))
    assert containers_conf(kernel) == '[engine]\nruntime = "runc"\n'


def test_without_the_capability_limits_stay_below_the_hard_ones(tmp_path: Path) -> None:
    kernel = read_kernel(machine(tmp_path, "000001fffeffffff", "cgroup.controllers"))
    assert containers_conf(kernel) == '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'


def test_the_settings_are_kept_in_our_folder(setup: Setup, runner: RecordingRunner) -> None:
    Podman(setup, Kernel(True, None)).run("ps")
    file = setup.paths.state / "containers.conf"
    assert "runc" in file.read_text()
    assert runner.commands == [["env", f"CONTAINERS_CONF={file}", "podman", "ps"]]


def test_podman_runs_as_root(user: Setup, runner: RecordingRunner) -> None:
    Podman(user, Kernel(False, None)).run("ps")
    assert runner.commands == [["sudo", "-n", "env", "podman", "ps"]]


def test_a_failure_is_an_engine_error(setup: Setup, runner: RecordingRunner) -> None:
    runner.answer("env", "podman", status=125, errors="Error: no space left\n")
    with pytest.raises(EngineError, match="podman run failed: Error: no space left"):
        Podman(setup, Kernel(False, None)).check("run", "x")


def test_earlier_images_are_removed(setup: Setup, runner: RecordingRunner) -> None:
    runner.answer("env", "podman", "images", output="localhost:1/sealift/engine:a\nlocalhost:1/sealift/engine:b\n")
    Podman(setup, Kernel(False, None)).forget_images(except_for="localhost:1/sealift/engine:b")
    assert runner.ran("env", "podman", "rmi") == [["env", "podman", "rmi", "localhost:1/sealift/engine:a"]]
