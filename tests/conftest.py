"""Fixtures for the tests that use the real engine, registry and tools. The unit tests use none of them."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from pipelines.model import RECORDS
from tests.scratch import REGISTRY, ROOT, SEALIFT, Registry, Scratch, run
from tests.sigstore.instance import Sigstore
from tests.sigstore.instance import sigstore as running_sigstore

# These share a machine of their own, which takes a minute to start.
_ON_A_MACHINE = {
    "test_accidents", "test_disk", "test_pool", "test_two_engines", "test_two_runners", "test_without_network",
}  # fmt: skip


class _ByFile(LoadScopeScheduling):
    """Each process of `make test` is given whole files, in order; the files on one machine count as one."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        return "machine" if file.stem in _ON_A_MACHINE else str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def engine() -> Mapping[str, str]:
    """The engine and registry, up; the variables that point tools at them."""
    up = run([*SEALIFT, "up"], timeout=5400)
    assert up.returncode == 0, up.stderr
    lines = run([*SEALIFT, "env"]).stdout.splitlines()
    words = [shlex.split(line)[1].partition("=") for line in lines]
    return {name: value for name, _, value in words} | {"DAGGER_NO_NAG": "1"}


@pytest.fixture(scope="session")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A Sigstore of this test process, up: a second to start, and some minutes to build where it never ran."""
    with running_sigstore(tmp_path_factory.mktemp("sigstore")) as made:
        yield made


@pytest.fixture
def scratch(engine: Mapping[str, str], tmp_path: Path) -> Iterator[Scratch]:
    """An empty scratch repository; what it published is deleted afterwards."""
    registry = Registry(prefix=f"test-{secrets.token_hex(4)}/", env=engine)
    root = tmp_path / "repository"
    root.mkdir()
    (root / ".gitignore").write_text("dist/\n")
    env = {**engine, "PYTHONPATH": str(ROOT), "SEALIFT_KEYS_DIR": str(tmp_path / "keys")}
    made = Scratch(root=root, env=env, registry=registry)
    yield made
    for service in (*made.services, RECORDS):
        for tag in run(
            ["regctl", f"--host=reg={REGISTRY},tls=disabled", "tag", "ls", f"{REGISTRY}/{registry.prefix}{service}"],
            env=engine,
        ).stdout.split():
            registry.regctl("tag", "rm", f"{REGISTRY}/{registry.prefix}{service}:{tag}")
