"""A release to two registries: both get it, or neither does, whatever happens to one of them."""

from __future__ import annotations

import json

import httpx

from tests.faults.outcomes import nothing_left
from tests.faults.peers import Peer
from tests.faults.relay import Answer, Asked, Fault, Relay
from tests.faults.several import DENIED, INDEX, Pair, dev, put_tag
from tests.faults.small import without_pauses


def test_both_have_the_same_and_it_verifies(two: Pair, peer: Peer, server: Relay) -> None:
    earlier = dev(two, peer)
    done = two.sealift("build-all", "--no-scan")
    assert done.returncode == 0, done.stdout + done.stderr
    now = dev(two, peer)
    for name in ("api", "web"):
        assert now[name] == {two.record()["services"][name]["index"]} != earlier[name]
    verified = two.sealift("verify", "--registry", server.address, "--json")
    assert verified.returncode == 0, verified.stderr
    assert {item["index"] for item in json.loads(verified.stdout)} == {digest for (digest,) in now.values()}
    again = two.sealift("build-all", "--no-scan")
    assert "0 tag(s) moved" in again.stdout
    nothing_left(two)


def test_one_that_fails_before_the_tags_leaves_both_as_they_were(two: Pair, peer: Peer, server: Relay) -> None:
    earlier = dev(two, peer)

    def rule(asked: Asked) -> Fault:
        return Answer(status=403, body=DENIED) if asked.method == "PUT" and "/web/" in asked.path else None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan")
    assert done.returncode == 5, done.stdout
    assert f"web copy: {server.address}: " in done.stderr
    assert dev(two, peer) == earlier
    assert two.record()["state"] == "recorded"
    nothing_left(two)


def test_tags_that_moved_are_moved_back(two: Pair, peer: Peer, server: Relay) -> None:
    earlier = dev(two, peer)

    def rule(asked: Asked) -> Fault:
        return Answer(status=403, body=DENIED) if put_tag(asked) == "dev" and "/web/" in asked.path else None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan", "--jobs", "1")
    assert done.returncode == 5, done.stdout
    assert dev(two, peer) == earlier
    assert f"{server.address}/{two.mirror}web:dev" not in done.stderr.partition("moved back: ")[2]
    assert f"moved back: {server.address}/{two.mirror}api:dev" in done.stderr
    assert "sealift release resume" in done.stderr
    assert two.record()["state"] == "undone"
    server.rule = lambda _: None
    done = two.sealift("build-all", "--no-scan")
    assert done.returncode == 0, done.stderr
    assert all(len(digests) == 1 for digests in dev(two, peer).values())
    nothing_left(two)


def test_a_tag_that_was_new_is_taken_away_again(two: Pair, peer: Peer, server: Relay) -> None:
    def rule(asked: Asked) -> Fault:
        return Answer(status=403, body=DENIED) if put_tag(asked) == "new" and "/web/" in asked.path else None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan", "--tag", "new")
    assert done.returncode == 5, done.stdout
    for name in ("api", "web"):
        assert two.registry.tags(name) == ["dev"]
        assert peer.tags(f"{two.mirror}{name}") == ["dev"], done.stderr
    nothing_left(two)


def test_a_registry_that_deletes_nothing_keeps_the_new_tag_and_that_is_said(
    two: Pair, peer: Peer, server: Relay
) -> None:
    def rule(asked: Asked) -> Fault:
        if asked.method == "DELETE":
            return Answer(status=405, body='{"errors":[{"code":"UNSUPPORTED"}]}')
        return Answer(status=403, body=DENIED) if put_tag(asked) == "new" and "/web/" in asked.path else None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan", "--tag", "new")
    assert done.returncode == 5, done.stdout
    assert (
        f"moved, and could not be moved back: {server.address}/{two.mirror}api:new ({server.address}: " in done.stderr
    )
    assert two.registry.tags("api") == ["dev"]
    assert two.record()["state"] == "moving"
    nothing_left(two)


def test_tags_stay_where_the_configuration_says_stop(two: Pair, peer: Peer, server: Relay) -> None:
    earlier = dev(two, peer)
    two.extra["environments"] = {"local": two.local(server, when_tags_fail="stop")}
    two.commit()

    def rule(asked: Asked) -> Fault:
        return Answer(status=403, body=DENIED) if put_tag(asked) == "dev" and "/web/" in asked.path else None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan", "--jobs", "1")
    assert done.returncode == 5, done.stdout
    assert "moved, and left there: " in done.stderr
    moved = {move["tag"]: move["moved"] for move in two.record()["services"]["api"]["published"][0]["tags"]}
    assert moved == {"dev": True}
    assert dev(two, peer)["api"] != earlier["api"]
    assert two.record()["state"] == "moving"
    nothing_left(two)


def test_a_registry_that_dies_while_tags_move(two: Pair, peer: Peer, server: Relay) -> None:
    earlier = {name: two.registry.digest(name, "dev") for name in ("api", "web")}
    lost: list[Asked] = []

    def rule(asked: Asked) -> Fault:
        if lost or put_tag(asked) == "dev":
            lost.append(asked)
            return Answer(status=503)
        return None

    server.rule = rule
    two.prepared.append(without_pauses)
    done = two.sealift("build-all", "--no-scan")
    assert done.returncode == 5, done.stdout
    assert f"not known, for the registry does not answer: {server.address}/{two.mirror}api:dev" in done.stderr
    assert {name: two.registry.digest(name, "dev") for name in ("api", "web")} == earlier
    assert two.record()["state"] == "moving"
    nothing_left(two)


def test_a_tag_that_somebody_else_moves_meanwhile(two: Pair, peer: Peer, server: Relay) -> None:
    stolen: list[str] = []

    def rule(asked: Asked) -> Fault:
        # What is put by digest is still being copied: the tags were looked at before.
        if not stolen and asked.method == "PUT" and "/web/manifests/sha256:" in asked.path:
            url = f"http://{peer.address}/v2/{two.mirror}web/manifests"
            child = httpx.get(f"{url}/dev", headers={"Accept": INDEX}, trust_env=False).json()["manifests"][0]
            body = httpx.get(
                f"{url}/{child['digest']}", headers={"Accept": child["mediaType"]}, trust_env=False
            ).content
            headers = {"Content-Type": child["mediaType"]}
            httpx.put(f"{url}/dev", content=body, headers=headers, trust_env=False).raise_for_status()
            stolen.append(child["digest"])
        return None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan")
    assert done.returncode == 5, done.stdout
    assert f"{server.address}/{two.mirror}web:dev was moved by somebody else while this release ran" in done.stderr
    url = f"http://{peer.address}/v2/{two.mirror}web/manifests/dev"
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    assert httpx.head(url, headers=accept, trust_env=False).headers["docker-content-digest"] == stolen[0]
    nothing_left(two)
