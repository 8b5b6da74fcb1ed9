from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import EngineError
from tests.bench.cgroup import find_cgroup

CONTAINER = "6f2c" * 16


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_version_2_has_one_hierarchy(tmp_path: Path) -> None:
    # The engine moves its processes into a folder of its own; the container's is above it.
    inner = f"/machine.slice/libpod-{CONTAINER}.scope/init"
    write(tmp_path / "proc/7/cgroup", f"0::{inner}\n")
    folder = tmp_path / f"sys/fs/cgroup/machine.slice/libpod-{CONTAINER}.scope"
    write(folder / "cpu.stat", "usage_usec 2500000\nuser_usec 1\n")
    write(folder / "memory.stat", "anon 4096\nfile 999999\n")
    write(folder / "init/cgroup.procs", "7\n8\n")
    write(folder / "cgroup.procs", "")
    found = find_cgroup(7, CONTAINER, tmp_path)
    assert found.cpu_seconds() == 2.5
    assert found.anonymous_bytes() == 4096
    assert sorted(found.processes()) == [7, 8]


def test_version_1_has_one_for_each_controller(tmp_path: Path) -> None:
    path = f"/libpod_parent/libpod-{CONTAINER}"
    write(tmp_path / "proc/7/cgroup", f"4:memory:{path}\n2:cpu,cpuacct:{path}\n0::{path}\n")
    cpu = tmp_path / f"sys/fs/cgroup/cpu,cpuacct{path}"
    memory = tmp_path / f"sys/fs/cgroup/memory{path}"
    write(cpu / "cpuacct.usage", "1500000000\n")
    write(cpu / "cgroup.procs", "7\n")
    write(cpu / "buildkit/step/cgroup.procs", "9\n")
    write(memory / "memory.usage_in_bytes", "999999\n")
    write(memory / "memory.stat", "rss 1\ntotal_rss 8192\ntotal_cache 999\n")
    found = find_cgroup(7, CONTAINER, tmp_path)
    assert found.cpu_seconds() == 1.5
    assert found.anonymous_bytes() == 8192
    assert sorted(found.processes()) == [7, 9]


def test_a_step_that_ends_while_we_look_is_passed_over(tmp_path: Path) -> None:
    path = f"/libpod-{CONTAINER}"
    write(tmp_path / "proc/7/cgroup", f"0::{path}\n")
    write(tmp_path / f"sys/fs/cgroup{path}/cgroup.procs", "7\n")
    (tmp_path / f"sys/fs/cgroup{path}/gone").mkdir()
    assert list(find_cgroup(7, CONTAINER, tmp_path).processes()) == [7]


def test_a_process_outside_of_the_container_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "proc/7/cgroup", "0::/user.slice\n")
    with pytest.raises(EngineError, match="no cgroup of its own"):
        find_cgroup(7, CONTAINER, tmp_path)
