"""A release that is built on two engines, of which one is killed while it builds."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.model import RECORDS
from tests.faults.machine import Machine
from tests.faults.programs import eventually, programs
from tests.scratch import ROOT, SEALIFT, Registry, Scratch

HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
SLOW = "FROM python:3.11-slim-bookworm\nRUN sleep 15\nCOPY server.py /server.py\nUSER 1001:1001\n"
SERVICES = ("one", "two")


@pytest.fixture
def other(machine: Machine) -> Iterator[str]:
    """The address of a second engine, which a test may kill."""
    machine.up()
    yield machine.address()
    machine.up()


@pytest.fixture
def repository(engine: Mapping[str, str], tmp_path: Path) -> Iterator[Scratch]:
    """Two services whose builds take a while, and that nobody has built before."""
    root = tmp_path / "repository"
    root.mkdir()
    registry = Registry(prefix=f"pool-{secrets.token_hex(4)}/", env=engine)
    made = Scratch(
        root=root,
        env={**engine, "PYTHONPATH": str(ROOT), "SEALIFT_KEYS_DIR": str(tmp_path / "keys")},
        registry=registry,
    )
    (root / ".gitignore").write_text("dist/\n.env\n")
    for name in SERVICES:
        folder = made.service(name, dockerfile=f"{SLOW}LABEL of={registry.prefix}{name}\n", settings={"boot": None})
        text = (folder / "Dockerfile").read_text().replace("sleep 15", f"sleep 15 && : {registry.prefix}{name}")
        (folder / "Dockerfile").write_text(text)
    made.commit()
    yield made
    for name in (*SERVICES, RECORDS):
        for tag in registry.tags(name):
            registry.regctl("tag", "rm", f"localhost:5000/{registry.prefix}{name}:{tag}")


@contextmanager
def _building(repository: Scratch, one: str, other: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`build-all` on both engines."""
    with log.open("w") as written:
        process = subprocess.Popen(
            [*SEALIFT, "build-all", f"--engine={one}", f"--engine={other}"], cwd=repository.root,
            env={**os.environ, **repository.env}, stdin=subprocess.DEVNULL, stdout=written, stderr=written,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_one_of_two_engines_is_killed_and_the_release_completes(
    engine: Mapping[str, str], machine: Machine, other: str, repository: Scratch
) -> None:
    log = repository.root / "dist.log"
    with _building(repository, engine[HOST], other, log) as process:
        assert eventually(lambda: f"{other}: [" in log.read_text() and "… build" in log.read_text(), 120)
        machine.kill_engine()
        assert process.wait(timeout=300) == 0, log.read_text()
    said = log.read_text()
    assert f"{other} is lost: " in said
    assert "goes to another engine (1 left)" in said
    assert "PUBLISHED" in said
    record = repository.record()
    for name in SERVICES:
        (unit,) = record["services"][name]["platforms"].values()  # type: ignore[index]
        assert repository.registry.digest(name, "dev") == record["services"][name]["index"]  # type: ignore[index]
        assert unit["made_by"]["run"] != record["id"]
    assert not list((repository.root / "dist").glob("partials*"))
    assert repository.sealift("verify").returncode == 0


def test_interrupted_it_leaves_nothing_running(engine: Mapping[str, str], other: str, repository: Scratch) -> None:
    log = repository.root / "dist.log"
    with _building(repository, engine[HOST], other, log) as process:
        assert eventually(lambda: "… build" in log.read_text(), 120), log.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=90) == 130, log.read_text()
    assert "interrupted: nothing more is running" in log.read_text()
    assert not [one.command for one in programs() if str(repository.root) in one.command]
    assert repository.registry.tags("one") == []


def test_an_engine_that_does_not_answer_is_left_out_and_without_any_there_is_an_error(
    engine: Mapping[str, str], repository: Scratch
) -> None:
    done = repository.sealift("build-all", "--engine=unix:///nowhere.sock", "--engine=tcp://127.0.0.1:1")
    assert done.returncode == 7
    assert "unix:///nowhere.sock is left out: no Dagger engine answers at unix:///nowhere.sock" in done.stderr
    assert "no engine of the pool answers" in done.stderr
    (repository.root / "services/one/Dockerfile").write_text("FROM python:3.11-slim-bookworm\nRUN exit 7\nUSER 1\n")
    repository.commit()
    done = repository.sealift("build-all", "--engine=unix:///nowhere.sock", f"--engine={engine[HOST]}")
    assert done.returncode == 8, done.stderr
    assert "is left out" in done.stderr
    assert "'/bin/sh -c exit 7' ended with exit code 7" in done.stderr
    assert f"on {engine[HOST]}: " in done.stderr
    assert repository.registry.tags("one") == []


def test_what_cannot_be_an_engine(repository: Scratch) -> None:
    done = repository.sealift("build-all", "--engine=tls://localhost:1")
    assert done.returncode == 3
    assert "a tls:// engine needs --engine-ca FILE" in done.stderr
    done = repository.sealift("build-all", "--engine-ca=ca.crt")
    assert done.returncode == 3
    assert "there are files for engines, and no --engine" in done.stderr
