"""A machine whose only network is its loopback."""

from __future__ import annotations

from pathlib import Path

from tests.faults.conftest import NewRepository
from tests.faults.machine import Machine
from tests.faults.programs import programs
from tests.faults.strikes import Aboard
from tests.scratch import DOCKERFILE, SEALIFT


def refused(repository: Aboard, code: int) -> str:
    """How the release ends, in what it says; no tag has moved."""
    done = repository.sealift("build-all")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert repository.registry.digest("web", "dev") == repository.earlier
    return done.stderr


def test_a_release_has_what_is_here_and_says_what_is_not(machine: Machine, new_repository: NewRepository) -> None:
    assert "default" not in machine.run("ip", "route").stdout, "the machine has a network"
    repository = new_repository("offline")
    dockerfile = repository.root / "services/web/Dockerfile"
    database = repository.extra.pop("database")
    dockerfile.write_text(DOCKERFILE.replace("3.11-slim-bookworm", "3.11-nobody-has-mirrored-it"))
    repository.commit()
    said = refused(repository, 8)
    assert "error: web linux/amd64 build: " in said
    assert "python:3.11-nobody-has-mirrored-it" in said
    assert "remedy: check services/web/Dockerfile, the images its FROM lines name, and the network" in said

    dockerfile.write_text(DOCKERFILE)
    repository.commit()
    said = refused(repository, 6)
    assert "error: database: the sample database cannot be made: " in said
    assert "it is wanted because ghcr.io: " in said
    assert "remedy: mend the network, so that the public database can be had" in said

    repository.extra["database"] = database
    repository.commit()
    done = repository.sealift("build-all")
    assert done.returncode == 0, done.stderr
    assert repository.registry.digest("web", "dev") == repository.record()["services"]["web"]["index"]


def test_the_first_set_up_says_what_cannot_be_had(machine: Machine, tmp_path: Path) -> None:
    folders = {f"SEALIFT_{name}_DIR": str(tmp_path / name.lower()) for name in ("STATE", "CACHE", "KEYS")}
    env = {**folders, "HOME": str(tmp_path), "GOPATH": str(tmp_path / "go"), "GOMODCACHE": str(tmp_path / "go/mod")}
    variables = [f"{name}={value}" for name, value in env.items()]
    done = machine.run("env", *variables, *SEALIFT, "up", cwd=tmp_path)
    assert done.returncode == 7, done.stderr
    assert "cannot have the official image: " in done.stderr
    assert "error: building dagger 0.21.8 from Go modules: " in done.stderr
    assert "remedy: " in done.stderr
    assert not [program for program in programs() if program.started_with("HOME", str(tmp_path))]
    assert list((tmp_path / "cache").rglob("dagger")) == []
