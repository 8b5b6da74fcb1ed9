"""The machine that the tests of accidents break, and what they release on it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ci.local.paths import find_paths
from ci.local.record import load_record
from pipelines.model import RECORDS
from tests.faults import several
from tests.faults.advisory_artifacts import GAINED, made_today, served
from tests.faults.command import Bare
from tests.faults.machine import Machine, held, missing
from tests.faults.peers import Peer, distribution
from tests.faults.relay import Relay, relay
from tests.faults.several import Pair
from tests.faults.small import Small
from tests.faults.strikes import DATABASE, Aboard, MachineRegistry
from tests.scratch import ROOT

NewRepository = Callable[[str], Aboard]


@pytest.fixture(scope="session")
def machine(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine of its own, up. Its engine starts cold, which is why all these tests share it."""
    if why := missing():
        pytest.skip(why)
    if load_record(find_paths(os.environ).record).mode != "assembled":
        pytest.skip("a machine of its own needs the assembled engine, and this one has another")
    with held(tmp_path_factory.mktemp("m"), {**engine, "PYTHONPATH": str(ROOT)}) as made:
        made.up()
        yield made


@pytest.fixture(scope="session")
def advisories(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of an advisory database of today: the machine, which has no network, cannot make the sample."""
    return made_today(engine, tmp_path_factory.mktemp("advisories"))


@pytest.fixture(scope="session")
def gained(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one advisory more: of what is in the smallest release."""
    return made_today(engine, tmp_path_factory.mktemp("gained"), more=GAINED)


@pytest.fixture(scope="session")
def new_repository(machine: Machine, advisories: Path, tmp_path_factory: pytest.TempPathFactory) -> NewRepository:
    """Makes repositories of one service and one platform, each under a prefix of its own, to release on the machine."""
    numbers = itertools.count()

    def make(name: str) -> Aboard:
        made = Aboard(machine, tmp_path_factory.mktemp(name), f"{name}-{next(numbers)}/")
        if made.registry.regctl("manifest", "head", DATABASE).returncode != 0:
            machine.up()
            served(MachineRegistry("advisories/", machine.env, machine), advisories)
        (made.root / ".gitignore").write_text("dist/\n")
        made.service("web")
        made.extra["database"] = {"repository": DATABASE}
        # Content of its own: nothing that was made for another repository is found again.
        made.change(made.registry.prefix)
        made.tag_earlier_release()
        return made

    return make


@pytest.fixture(scope="session")
def released(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The smallest release, of which every test has its own view by `repository`."""
    return Small.create(tmp_path_factory.mktemp("small"), engine)


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A second registry."""
    with distribution(tmp_path_factory.mktemp("peer"), storage={"delete": {"enabled": True}}) as made:
        yield made


@pytest.fixture(scope="session")
def server(peer: Peer) -> Iterator[Relay]:
    """The relay through which the second registry is reached."""
    with relay(lambda _: None, peer.address) as made:
        yield made


@pytest.fixture(scope="session")
def _published(engine: Mapping[str, str], server: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both services published to both registries, then changed, and signed in the quarantine."""
    made = several.first_release(engine, tmp_path_factory.mktemp("two"), server)
    several.change(made)
    done = made.sealift("build-all", "--no-scan", "--no-push")
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    made.delete(*several.SERVICES, RECORDS)


@pytest.fixture
def two(_published: Pair, server: Relay, tmp_path: Path) -> Iterator[Pair]:
    """Two services, published to both registries under `dev`, and changed since."""
    made = _published.elsewhere(tmp_path / "repository", server)
    yield made
    server.rule = lambda _: None
    made.delete(*several.SERVICES, RECORDS)


@pytest.fixture
def bare() -> Iterator[Bare]:
    """The command on a small repository, with no engine within reach."""
    # Below it is the name of a socket, which must not be long.
    with TemporaryDirectory(prefix="sealift-") as folder:
        yield Bare.create(Path(folder))


@pytest.fixture
def repository(released: Small) -> Iterator[Small]:
    """The smallest release, under a prefix of its own; what the test published to the local registry is deleted."""
    made = released.under_a_prefix_of_its_own()
    yield made
    made.delete("web", "trivy-db", RECORDS)
