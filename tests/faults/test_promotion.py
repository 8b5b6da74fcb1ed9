"""Releases that go further by their digests, and come back: promoted, replicated, rolled back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import httpx
import pytest

from pipelines.model import RECORDS
from tests.faults.outcomes import nothing_left
from tests.faults.peers import Peer
from tests.faults.relay import Answer, Asked, Fault, Relay
from tests.faults.several import DENIED, INDEX, SERVICES, two_services
from tests.faults.small import Small
from tests.scratch import REGISTRY, run


@pytest.fixture(scope="module")
def shop(engine: Mapping[str, str], server: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Two services, released as v1.0.0 and, with one of them changed, as v1.0.1; and where they can go from there."""
    folder = tmp_path_factory.mktemp("shop")
    made = two_services(engine, folder)
    tags = ["semver", "latest-on-release"]
    made.extra["environments"] = {
        "local": {"registry": REGISTRY, "tags": tags},
        "prod": {
            "registry": server.address,
            "prefix": "prod/",
            "tags": tags,
            "tag_prefix": "p-",
            "regions": [{"registry": server.address, "prefix": "eu/"}],
        },
        "outside": {"registry": "registry.invalid", "tags": tags},
    }
    for version in ("v1.0.0", "v1.0.1"):
        with (made.root / "services/web/server.py").open("a") as file:
            file.write(f"# {version}\n")
        made.commit()
        assert run(["git", "tag", version], cwd=made.root).returncode == 0
        done = made.sealift("build-all", "--no-scan")
        assert done.returncode == 0, done.stdout + done.stderr
    # Who only verifies has no private key.
    made.env["SIGNING_PUBLIC_KEY"] = f"file://{folder / 'keys/cosign.pub'}"
    yield made
    made.delete(*SERVICES, RECORDS)


@pytest.fixture(autouse=True)
def quiet(server: Relay) -> Iterator[None]:
    yield
    server.rule = lambda _: None


def tags(peer: Peer, repository: str) -> dict[str, str]:
    """Tag → digest, of a repository at the second registry."""
    url = f"http://{peer.address}/v2/{repository}/manifests"
    return {
        tag: httpx.head(f"{url}/{tag}", headers={"Accept": INDEX}, trust_env=False).headers["docker-content-digest"]
        for tag in peer.tags(repository)
    }


def released(shop: Small, version: str) -> dict[str, str]:
    """Service → the digest that was released in that version."""
    return {name: shop.registry.digest(name, version) or "" for name in SERVICES}


def test_a_release_is_promoted_with_all_that_belongs_to_it(shop: Small, peer: Peer) -> None:
    done = shop.sealift("promote", "v1.0.0", "--from", "local", "--to", "prod")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, digest in released(shop, "v1.0.0").items():
        assert tags(peer, f"prod/{name}") == dict.fromkeys(("p-v1.0.0", "p-v1.0", "p-v1", "p-latest"), digest)
        repository = f"{peer.address}/prod/{name}"
        for what in (["verify"], ["verify-attestation", "--type=spdxjson"], ["verify-attestation", "--type=cyclonedx"]):
            child = json.loads(
                httpx.get(f"http://{peer.address}/v2/prod/{name}/manifests/{digest}", trust_env=False).text
            )
            reference = f"{repository}@{child['manifests'][0]['digest']}"
            key = shop.env["SIGNING_PUBLIC_KEY"].removeprefix("file://")
            command = ["cosign", *what, f"--key={key}", "--insecure-ignore-tlog=true", reference]
            assert run(command, env=shop.env).returncode == 0
        command = ["cosign", "verify-attestation", "--type=slsaprovenance1", *command[-3:-1], f"{repository}@{digest}"]
        assert run(command, env=shop.env).returncode == 0
    record = shop.record()
    assert (record["plan"]["environment"], record["state"]) == ("prod", "published")
    assert record["because"].startswith("promoted from local, release ")
    assert peer.tags(f"prod/{RECORDS}") == [record["id"], "claim-p-v1.0.0", "p-v1.0.0"]
    nothing_left(shop)


def test_lines_go_forward_there_too(shop: Small, peer: Peer) -> None:
    assert shop.sealift("promote", "v1.0.1", "--from", "local", "--to", "prod").returncode == 0
    done = shop.sealift("promote", "v1.0.0", "--from", "local", "--to", "prod", "--out", "dist/again")
    assert done.returncode == 0, done.stderr
    later = released(shop, "v1.0.1")
    for name in SERVICES:
        assert {tags(peer, f"prod/{name}")[tag] for tag in ("p-v1.0.1", "p-v1.0", "p-v1", "p-latest")} == {later[name]}
    assert "(stays: v1.0.1 is released)" in done.stdout


def test_a_release_is_replicated_to_the_regions(shop: Small, peer: Peer) -> None:
    done = shop.sealift("replicate", "v1.0.1", "--env", "prod")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in SERVICES:
        there = tags(peer, f"prod/{name}")
        assert tags(peer, f"eu/{name}") == {tag: there[tag] for tag in ("p-v1.0.1", "p-v1.0", "p-v1", "p-latest")}


def test_an_environment_goes_back_and_forth(shop: Small, peer: Peer) -> None:
    earlier, later = released(shop, "v1.0.0"), released(shop, "v1.0.1")
    done = shop.sealift("rollback", "--env", "prod")
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.record()["because"].startswith("rolled back to release ")
    for name in SERVICES:
        there = tags(peer, f"prod/{name}")
        assert {there[tag] for tag in ("p-v1.0.0", "p-v1.0", "p-v1", "p-latest")} == {earlier[name]}
        assert there["p-v1.0.1"] == later[name]
    done = shop.sealift("rollback", "--env", "prod", "--to", "v1.0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in SERVICES:
        assert tags(peer, f"prod/{name}")["p-latest"] == later[name]
    nothing_left(shop)


def test_a_promotion_that_fails_moves_nothing_and_can_be_resumed(shop: Small, peer: Peer, server: Relay) -> None:
    def rule(asked: Asked) -> Fault:
        if asked.method == "PUT" and asked.path.endswith("/prod/web/manifests/p-v1.0.1"):
            return Answer(status=403, body=DENIED)
        return None

    for name in SERVICES:
        httpx.delete(f"http://{peer.address}/v2/prod/{name}/manifests/p-v1.0.1", trust_env=False).raise_for_status()
    server.rule = rule
    done = shop.sealift("promote", "v1.0.1", "--from", "local", "--to", "prod")
    assert done.returncode == 5, done.stdout
    assert "p-v1.0.1" not in [tag for name in SERVICES for tag in peer.tags(f"prod/{name}")]
    server.rule = lambda _: None
    done = shop.sealift("release", "resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: tags(peer, f"prod/{name}")["p-v1.0.1"] for name in SERVICES} == released(shop, "v1.0.1")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("promote", "v9.9.9", "--from", "local", "--to", "prod"), 5, "no release record v9.9.9 at localhost:5000/"),
        (("promote", "v1.0.0;id", "--from", "local", "--to", "prod"), 5, "is not an image tag"),
        (("promote", "v1.0.0", "--from", "local", "--to", "nowhere"), 3, "no such environment: 'nowhere'"),
        (("promote", "v1.0.0", "--from", "local", "--to", "outside"), 3, "is a rehearsal, not fit for release"),
        (("replicate", "v1.0.0"), 3, "the environment 'local' has no regions to replicate to"),
        (("rollback", "--to", "v0.0.1"), 5, "no release record v0.0.1 at localhost:5000/"),
    ],
)
def test_what_cannot_be_done_is_told(shop: Small, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = shop.sealift(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr
    assert "remedy: " in done.stderr


def test_what_does_not_verify_goes_nowhere(shop: Small, peer: Peer) -> None:
    digest = released(shop, "v1.0.0")["web"]
    url = f"http://{REGISTRY}/v2/{shop.registry.prefix}web/manifests/{digest.replace(':', '-')}"
    httpx.delete(url, trust_env=False).raise_for_status()
    before = {name: tags(peer, f"prod/{name}") for name in SERVICES}
    done = shop.sealift("promote", "v1.0.0", "--from", "local", "--to", "prod", "--tag", "other", "--out", "dist/other")
    assert done.returncode == 10, done.stdout + done.stderr
    assert "verifies at none of localhost:5000/" in done.stderr
    assert {name: tags(peer, f"prod/{name}") for name in SERVICES} == before
