from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors import ToolError
from tests.bench.cgroup import Cgroup
from tests.bench.meter import INTERVAL, Meter, emulated_command, resident_bytes, tree

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")

# A grandchild does the work; the child waits for it, as the sealift command does for its session.
WORK = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.3: pass\\n"], check=True)
print("done")
"""
HOLD = "import time; data = bytearray(64 << 20); print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def meter(tmp_path: Path) -> Iterator[Meter]:
    """An engine that used 2.5 CPU seconds and 4096 bytes so far."""
    engine = tmp_path / "engine"
    engine.mkdir()
    (engine / "cpu.stat").write_text("usage_usec 2500000\n")
    (engine / "memory.stat").write_text("anon 4096\n")
    (engine / "cgroup.procs").write_text("")
    return Meter(engine=Cgroup(cpu=engine, memory=engine), log=tmp_path / "log")


def test_a_clients_descendants_are_its_own(meter: Meter, tmp_path: Path) -> None:
    with meter:
        output = meter.run([sys.executable, "-c", WORK], environment=os.environ, folder=tmp_path)
        (meter.engine.cpu / "cpu.stat").write_text("usage_usec 3000000\n")
    assert output == "done\n"
    assert meter.usage.client_cpu >= 0.3
    assert meter.usage.wall >= 0.3
    assert meter.usage.engine_cpu == 0.5
    assert meter.usage.engine_memory == 4096


def test_a_client_that_fails_fails_the_run_and_names_its_log(meter: Meter, tmp_path: Path) -> None:
    with meter, pytest.raises(ToolError, match="ended with exit code 3") as caught:
        meter.run([sys.executable, "-c", "import sys; sys.exit('no'*0 or 3)"], environment=os.environ, folder=tmp_path)
    assert str(meter.log) in caught.value.remedy


def test_standard_error_goes_to_the_log(meter: Meter, tmp_path: Path) -> None:
    with meter:
        meter.run([sys.executable, "-c", "import sys; print('x', file=sys.stderr)"], environment={}, folder=tmp_path)
    assert meter.log.read_text() == "x\n"


def test_a_look_that_fails_fails_the_run(meter: Meter) -> None:
    (meter.engine.memory / "memory.stat").unlink()
    with pytest.raises(FileNotFoundError), meter:
        meter._thread.join(INTERVAL * 100)


def test_memory_is_that_of_the_whole_tree() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            assert child.pid in tree(os.getpid())
            assert resident_bytes(child.pid) > 64 << 20
        finally:
            child.kill()
    assert resident_bytes(child.pid) == 0
    assert tree(child.pid) == [child.pid]


@pytest.mark.parametrize(
    ("program", "words", "command"),
    [
        (
            "/usr/bin/qemu-aarch64-static",
            ["/usr/bin/qemu-aarch64-static", "/usr/bin/gcc", "gcc", "-c"],
            "/usr/bin/gcc gcc -c",
        ),
        ("/usr/libexec/qemu-binfmt/aarch64-binfmt-P", ["x", "/bin/sh"], "/bin/sh"),
        ("/usr/bin/gcc", ["gcc", "-c"], None),
    ],
)
def test_what_runs_emulated_is_told_by_its_interpreter(
    tmp_path: Path, program: str, words: list[str], command: str | None
) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/exe").symlink_to(program)
    (tmp_path / "7/cmdline").write_bytes("\0".join([*words, ""]).encode())
    assert emulated_command(7, tmp_path) == command
    assert emulated_command(8, tmp_path) is None
