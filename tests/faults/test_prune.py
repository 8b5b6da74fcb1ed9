"""`sealift registry prune` on real registries: what it takes, what it leaves, what is left when it is broken off."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.model import RECORDS
from tests.faults.command import Bare, Done
from tests.faults.filled import Filled, on_disk
from tests.faults.peers import Peer, distribution
from tests.faults.relay import Answer, Asked, Fault, relay
from tests.scratch import SEALIFT

CONFIG = {
    "version": 1,
    "project": "shop",
    "source": "https://example.com/shop",
    "services": {"web": {}, "api": {}},
}


@dataclass
class Shop:
    """A filled registry, and the repository that releases to it."""

    filled: Filled
    bare: Bare
    blobs: Path

    def prune(self, *arguments: str) -> Done:
        return self.bare.sealift("registry", "prune", *arguments)

    def at(self, address: str) -> None:
        """Let the environment's registry be at this address."""
        environment = {"registry": address, "prefix": self.filled.prefix}
        config = {**CONFIG, "environments": {"local": environment}}
        config["services"] = {name: {"context": "services/web"} for name in CONFIG["services"]}  # type: ignore[attr-defined]
        self.bare.write("sealift.yaml", json.dumps(config))


@pytest.fixture(scope="module")
def keys(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Filled(address="", prefix="", env=engine, keys=tmp_path_factory.mktemp("keys"))
    made.make_keys()
    return made.keys


def fill(filled: Filled, *, signed: bool) -> None:
    """Three releases of two services, of which `api` did not change after the first; an image of a pull request."""
    api = filled.image("api", "api", "v1.0.0", "v1.0.1", "v1.0.2")
    for number in range(3):
        version = f"v1.0.{number}"
        lines = ("v1.0", "v1", "latest") if number == 2 else ()
        # The last two share a platform.
        web = filled.image("web", version, version, *lines, shared="v1.0.1" if number == 2 else "")
        filled.record(f"2025010{number}T000000Z-ccccccc-0000", {"api": api, "web": web}, version)
    filled.image("web", "pull request", "pr-7")
    if signed:
        for digest in dict.fromkeys((*filled.digests["web v1.0.0"], *filled.digests["web v1.0.1"])):
            filled.attach("web", digest)
        filled.sign("web", filled.digests["web v1.0.2"][0])


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare.create(tmp_path)


@pytest.fixture(scope="module")
def peer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peer")


@pytest.fixture(scope="module")
def peer(peer_folder: Path) -> Iterator[Peer]:
    with distribution(peer_folder, storage={"delete": {"enabled": True}}) as made:
        yield made


@pytest.fixture
def at_peer(peer: Peer, peer_folder: Path, bare: Bare, engine: Mapping[str, str], keys: Path) -> Callable[[bool], Shop]:
    def make(signed: bool) -> Shop:
        filled = Filled(address=peer.address, prefix=f"{os.urandom(4).hex()}/", env=engine, keys=keys)
        fill(filled, signed=signed)
        made = Shop(filled=filled, bare=bare, blobs=peer_folder / "blobs")
        made.at(peer.address)
        return made

    return make


@pytest.fixture
def shop(at_peer: Callable[[bool], Shop]) -> Shop:
    """Attached to and signed."""
    return at_peer(True)


@pytest.fixture
def plain(at_peer: Callable[[bool], Shop]) -> Shop:
    """Nothing is attached: quickly made."""
    return at_peer(False)


def test_a_dry_run_changes_nothing_and_confirm_takes_what_no_rule_keeps(shop: Shop, tmp_path: Path) -> None:
    filled = shop.filled
    before = on_disk(shop.blobs)
    dry = shop.prune("--keep-last", "1")
    assert dry.code == 0, dry.err
    assert on_disk(shop.blobs) == before
    assert "Nothing was deleted: --confirm does it." in dry.out
    assert "3 images and 0 records would go" in dry.out
    done = shop.prune("--keep-last", "1", "--confirm")
    assert done.code == 0, done.err
    assert filled.named("web") == {"v1.0.2", "v1.0", "v1", "latest"}
    assert filled.named("api") == {"v1.0.0", "v1.0.1", "v1.0.2"}
    for seed in ("v1.0.0", "v1.0.1", "pull request"):
        assert not filled.has("web", filled.digests[f"web {seed}"][0])
    # Of what went, nothing is left, and what is shared is not touched.
    needed = {digest.replace(":", "-") for digest in filled.digests["web v1.0.2"]}
    assert filled.tags("web") - filled.named("web") == needed
    for digest in filled.digests["web v1.0.2"]:
        assert filled.verifies("web", digest)
    assert filled.pulls("web", ":latest", tmp_path / "pulled")
    # Each record names `api`, which stays.
    assert len(filled.named(RECORDS)) == 6
    again = shop.prune("--keep-last", "1", "--confirm", "--json")
    document = json.loads(again.out)
    assert (again.code, document["registries"][0]["goes"]) == (0, [])


def test_a_record_goes_when_its_last_image_has_gone(plain: Shop) -> None:
    done = plain.prune("--keep-pattern", "v1.0.2", "--confirm")
    assert done.code == 0, done.err
    assert plain.filled.named("web") == {"v1.0.2", "v1.0", "v1", "latest"}
    # v1.0.2 of api is the image of all three releases.
    assert len(plain.filled.named(RECORDS)) == 6
    lone = plain.filled.image("web", "lone", "abc1234")
    plain.filled.record("20250301T000000Z-abc1234-0000", {"web": lone})
    done = plain.prune("--keep-pattern", "v1.0.2", "--confirm")
    assert done.code == 0, done.err
    assert "20250301T000000Z-abc1234-0000" not in plain.filled.named(RECORDS)


def test_what_files_name_stays(plain: Shop) -> None:
    filled = plain.filled
    platform = filled.digests["web v1.0.0"][1]
    plain.bare.write("k8s.yaml", f"kind: Pod\nspec:\n  containers:\n  - image: {filled.name('web')}@{platform}\n")
    plain.bare.write("compose.yaml", f"services:\n  web:\n    image: {filled.name('web')}:pr-7\n")
    done = plain.prune("--keep-deployed", "k8s.yaml", "--keep-deployed", "compose.yaml", "--confirm")
    assert done.code == 0, done.err
    assert filled.named("web") == {"v1.0.0", "pr-7", "v1.0.2", "v1.0", "v1", "latest"}
    assert all(filled.has("web", digest) for digest in filled.digests["web v1.0.0"])


def test_a_file_that_is_not_understood_ends_it(plain: Shop) -> None:
    before = plain.filled.tags("web")
    plain.bare.write("compose.yaml", "services:\n  web:\n    image: x/web:${TAG}\n")
    plain.bare.write("list.txt", "web")
    done = plain.prune("--keep-last=1", "--keep-deployed=compose.yaml", "--keep-deployed=list.txt", "--confirm")
    assert (done.code, plain.filled.tags("web")) == (3, before)
    assert "compose.yaml:3: 'x/web:${TAG}' is filled in later" in done.err
    assert "list.txt:1: is a text" in done.err
    done = plain.prune("--keep-last=1", "--keep-deployed=.", "--confirm")
    assert (done.code, plain.filled.tags("web")) == (3, before)
    assert ".: cannot be read: Is a directory" in done.err


def test_without_a_rule_nothing_is_looked_at(bare: Bare) -> None:
    done = bare.sealift("registry", "prune", "--confirm")
    assert done.code == 3
    assert "nothing says what to keep" in done.err


def test_what_cannot_be_read_ends_it_before_anything_is_deleted(plain: Shop) -> None:
    def rule(asked: Asked) -> Fault:
        return Answer(status=403) if asked.method == "GET" and asked.path.endswith("/manifests/pr-7") else None

    before = on_disk(plain.blobs)
    with relay(rule, plain.filled.address) as between:
        plain.at(between.address)
        done = plain.prune("--keep-last", "1", "--confirm")
    assert done.code == 5, done.out
    assert on_disk(plain.blobs) == before


def test_a_tag_that_moves_between_look_and_delete_keeps_its_image(plain: Shop) -> None:
    filled = plain.filled
    old = filled.digests["web pull request"][0]
    moved: list[str] = []

    def rule(asked: Asked) -> Fault:
        # The first look before the deletion.
        if asked.method == "HEAD" and not moved:
            moved.append(filled.image("web", "moved", "pr-7")[0])
        return None

    with relay(rule, filled.address) as between:
        plain.at(between.address)
        done = plain.prune("--keep-last", "1", "--service", "web", "--confirm")
    assert done.code == 5
    assert "pr-7 has been moved since" in done.out
    assert "not everything that was to go was deleted" in done.err
    assert filled.has("web", old)
    assert filled.has("web", moved[0])
    assert "v1.0.0" not in filled.named("web")


def test_a_registry_that_does_not_delete_is_told(
    tmp_path: Path, bare: Bare, engine: Mapping[str, str], keys: Path
) -> None:
    with distribution(tmp_path / "fixed") as peer:
        filled = Filled(address=peer.address, prefix="shop/", env=engine, keys=keys)
        fill(filled, signed=False)
        shop = Shop(filled=filled, bare=bare, blobs=tmp_path / "fixed/blobs")
        shop.at(peer.address)
        before = on_disk(shop.blobs)
        done = shop.prune("--keep-last", "1", "--confirm")
        assert done.code == 5
        assert on_disk(shop.blobs) == before
    assert "does not delete over its API" in done.err
    assert "0 images and 0 records deleted" in done.out
    assert "NOT deleted" in done.out


def killed_at(shop: Shop, deletions: int, command: list[str], env: Mapping[str, str]) -> None:
    """Run the command, and kill it when it wants to delete once more than so many times."""
    asked_for: list[str] = []
    process: list[subprocess.Popen[bytes]] = []

    def rule(asked: Asked) -> Fault:
        if asked.method == "DELETE":
            asked_for.append(asked.path)
            if len(asked_for) > deletions:
                process[0].send_signal(signal.SIGKILL)
                return Answer(status=503)
        return None

    quiet = subprocess.DEVNULL
    with relay(rule, shop.filled.address) as between:
        shop.at(between.address)
        process.append(subprocess.Popen(command, cwd=shop.bare.root, env=env, stdout=quiet, stderr=quiet))
        assert process[0].wait(timeout=60) == -signal.SIGKILL


def test_killed_in_the_middle_it_is_finished_by_the_next(shop: Shop) -> None:
    filled = shop.filled
    kept = filled.digests["web v1.0.2"]
    command = [*SEALIFT, "registry", "prune", "--keep-last", "1", "--confirm"]
    env = {**os.environ, **shop.bare.env}
    # An image is gone, and all that belonged to it is there still.
    killed_at(shop, 1, command, env)
    assert all(filled.has("web", digest) for digest in kept)
    assert all(digest.replace(":", "-") in filled.tags("web") for digest in kept)
    shop.at(filled.address)
    done = shop.prune("--keep-last", "1", "--confirm")
    assert done.code == 0, done.err
    assert filled.named("web") == {"v1.0.2", "v1.0", "v1", "latest"}
    assert filled.tags("web") - filled.named("web") == {digest.replace(":", "-") for digest in kept}
    assert all(filled.verifies("web", digest) for digest in kept)


@pytest.fixture
def local(bare: Bare, engine: Mapping[str, str], keys: Path, tmp_path: Path) -> Iterator[Shop]:
    """A registry as `sealift up` starts it, with state of its own on a port of its own."""
    from ci.local.machine import locals_of, make_setup
    from ci.local.processes import end
    from ci.local.record import Ledger
    from ci.local.registry import start_registry

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mine = {"SEALIFT_STATE_DIR": str(tmp_path / "state"), "SEALIFT_REGISTRY_PORT": str(port)}
    bare.env.update(mine)
    cache = os.environ.get("SEALIFT_CACHE_DIR") or str(Path.home() / ".cache/sealift")
    bare.env["SEALIFT_CACHE_DIR"] = cache
    setup = make_setup({**os.environ, **mine, "SEALIFT_CACHE_DIR": cache}, lambda _: None)
    registry, _ = locals_of(setup)
    ledger = Ledger(setup.paths.record)
    ledger.process("registry", start_registry(setup, registry))
    filled = Filled(address=registry.address, prefix="shop/", env=engine, keys=keys)
    made = Shop(filled=filled, bare=bare, blobs=registry.storage)
    made.at(registry.address)
    yield made
    process = Ledger(setup.paths.record).record.processes["registry"]
    assert end(process), "the registry is not there any more"


def test_on_the_local_registry_the_garbage_is_collected(local: Shop, tmp_path: Path) -> None:
    filled = local.filled
    fill(filled, signed=True)
    # What was pushed today stays; on this registry that is known.
    assert "Nothing goes" in local.prune("--keep-last", "1").out
    long_ago = time.time() - 90 * 86_400
    for link in local.blobs.rglob("link"):
        os.utime(link, (long_ago, long_ago))
    done = local.prune("--keep-last", "1", "--confirm", "--gc", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    garbage = document["garbage"]
    assert garbage["bytes_after"] < garbage["bytes_before"]
    gone = filled.digests["web v1.0.0"][0].removeprefix("sha256:")
    assert not list(local.blobs.rglob(f"blobs/sha256/*/{gone}/data"))
    for digest in filled.digests["web v1.0.2"]:
        assert filled.verifies("web", digest)
    assert filled.pulls("web", ":latest", tmp_path / "pulled")
    assert filled.pulls("api", ":v1.0.0", tmp_path / "pulled-api")


def test_a_registry_that_somebody_else_runs_is_not_stopped(plain: Shop) -> None:
    done = plain.prune("--keep-last", "1", "--confirm", "--gc")
    assert done.code == 5
    assert "is no registry that `sealift up` started" in done.err
    assert "registry garbage-collect CONFIG --delete-untagged=false" in done.err
