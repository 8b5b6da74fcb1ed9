"""`sealift registry status` on real registries: in order, down, and with goals that are missed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.faults.command import Bare, Done
from tests.faults.filled import Filled
from tests.faults.peers import distribution
from tests.faults.relay import Answer, Asked, Fault, relay


@pytest.fixture(scope="module")
def filled(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A signed release of `web`, the latest, after one that was not signed and had a critical vulnerability."""
    folder = tmp_path_factory.mktemp("status")
    with distribution(folder) as peer:
        made = Filled(address=peer.address, prefix="shop/", env=engine, keys=folder / "keys")
        made.make_keys()
        made.record("20250101T000000Z-a", {"web": made.image("web", "old", "v1.0.0")}, "v1.0.0", critical=1)
        web = made.image("web", "new", "v1.0.1")
        made.sign("web", web[0])
        made.record("20250102T000000Z-a", {"web": web}, "v1.0.1")
        yield made


@pytest.fixture
def status(filled: Filled, tmp_path: Path) -> Iterator[Bare]:
    made = Bare.create(tmp_path)
    registry(made, filled.address)
    yield made


def registry(bare: Bare, *addresses: str) -> None:
    also = [{"registry": address} for address in addresses[1:]]
    config = {
        "version": 1,
        "project": "shop",
        "source": "https://example.com/shop",
        "services": {"web": {}},
        "environments": {"local": {"registry": addresses[0], "prefix": "shop/", "also": also}},
    }
    bare.write("sealift.yaml", json.dumps(config))


def ask(bare: Bare, *arguments: str) -> Done:
    return bare.sealift("registry", "status", *arguments)


def test_a_registry_in_order(status: Bare) -> None:
    done = ask(status)
    assert done.code == 0, done.out + done.err
    assert "2 of the last 2 runs ended published" in done.out
    assert "3 of 3" in done.out
    document = json.loads(ask(status, "--json").out)[0]
    assert document["up"]
    assert document["latency_seconds"] > 0
    web = document["services"][0]
    assert (web["version"], web["vulnerabilities"]) == ("v1.0.1", {})
    # Configuration and two layers, each read and checked.
    assert document["pull"]["finished"]
    assert document["pull"]["bytes"] > 100
    assert document["storage"]["bytes"] > 3 * document["pull"]["bytes"]


def test_openmetrics_of_a_real_registry(status: Bare, filled: Filled) -> None:
    done = ask(status, "--openmetrics", "--no-pull")
    families = {family.name: family for family in text_string_to_metric_families(done.out)}
    (up,) = families["sealift_registry_up"].samples
    assert (up.labels, up.value) == ({"registry": filled.address, "prefix": "shop/"}, 1)
    assert {sample.value for sample in families["sealift_image_signed_ratio"].samples} == {1}
    assert families["sealift_registry_pull_seconds"].samples == []


@pytest.mark.parametrize(
    ("flag", "goal"),
    [("--quota=1kB", "storage"), ("--max-size=900", "size of web"), ("--max-pull=0.001", "pull of web")],
)
def test_a_goal_that_is_missed(status: Bare, flag: str, goal: str) -> None:
    done = ask(status, flag)
    assert done.code == 4, done.out + done.err
    assert f"1 goal missed: {goal}." in done.out


def test_a_release_that_is_not_signed_and_has_a_vulnerability(status: Bare, filled: Filled) -> None:
    bad = Filled(address=filled.address, prefix="bad/", env=filled.env, keys=filled.keys)
    bad.record("20250101T000000Z-a", {"web": bad.image("web", "bad", "v1.0.0")}, "v1.0.0", critical=1)
    bad.record("20250102T000000Z-a", {"web": bad.image("web", "undone")}, state="undone")
    config = (status.root / "sealift.yaml").read_text()
    status.write("sealift.yaml", config.replace("shop/", "bad/").replace("example.com/bad/", "example.com/shop"))
    done = ask(status, "--no-pull")
    assert done.code == 4, done.out + done.err
    assert "3 goals missed: push, critical of web, signed of web." in done.out
    accepted = ask(status, "--no-pull", "--min-signed=0", "--max-critical=1", "--min-push=49")
    assert accepted.code == 0, accepted.out


def test_one_that_is_down_is_told_beside_one_that_is_not(status: Bare, filled: Filled) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"localhost:{nobody.getsockname()[1]}"
        registry(status, filled.address, address)
        done = ask(status, "--openmetrics", "--no-pull")
    assert done.code == 5
    (family,) = [one for one in text_string_to_metric_families(done.out) if one.name == "sealift_registry_up"]
    assert {sample.labels["registry"]: sample.value for sample in family.samples} == {filled.address: 1, address: 0}


def test_one_that_answers_but_lets_nothing_be_read(status: Bare, filled: Filled) -> None:
    def rule(asked: Asked) -> Fault:
        return Answer(status=403) if "/manifests/" in asked.path else None

    with relay(rule, filled.address) as between:
        registry(status, between.address)
        done = ask(status)
    assert done.code == 5
    assert "http 403" in done.out


@pytest.mark.parametrize("arguments", [("--json", "--openmetrics"), ("--max-size=much",), ("--max-storage=101",)])
def test_wrong_usage(status: Bare, arguments: tuple[str, ...]) -> None:
    assert ask(status, *arguments).code == 2
