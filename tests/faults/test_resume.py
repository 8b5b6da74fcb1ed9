"""Releases that were broken off, finished from their record: as if they had never been."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.outcomes import nothing_left
from tests.faults.peers import Peer
from tests.faults.relay import Answer, Asked, Fault, Relay
from tests.faults.several import DENIED, Pair, dev, put_tag


def broken_off(two: Pair, server: Relay, *arguments: str) -> None:
    """A release that stops for `release resume` at the second registry's tag of `web`."""
    two.extra["environments"] = {"local": two.local(server, when_tags_fail="stop")}
    two.commit()

    def rule(asked: Asked) -> Fault:
        return Answer(status=403, body=DENIED) if put_tag(asked) == "dev" and "/web/" in asked.path else None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan", *arguments)
    assert done.returncode == 5, done.stdout
    server.rule = lambda _: None


def attached(two: Pair, service: str) -> list[str]:
    """What is attached to a service's index at the first registry: its signature and its provenance, each once."""
    repository = f"localhost:5000/{two.registry.prefix}{service}:dev"
    done = two.registry.regctl("artifact", "list", "--format={{json .Descriptors}}", repository)
    return sorted(entry["digest"] for entry in json.loads(done.stdout))


def test_tags_that_had_not_moved_move(two: Pair, peer: Peer, server: Relay) -> None:
    broken_off(two, server)
    assert two.record()["state"] == "moving"
    writes: list[Asked] = []

    def rule(asked: Asked) -> Fault:
        if asked.writes and "/releases/" not in asked.path:
            writes.append(asked)
        return None

    server.rule = rule
    done = two.sealift("release", "resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [put_tag(asked) for asked in writes] == ["dev"], "what was there was sent again"
    for name, digests in dev(two, peer).items():
        assert digests == {two.record()["services"][name]["index"]}
        assert len(attached(two, name)) == 2
    assert two.record()["state"] == "published"
    assert two.moves("web")["dev"]["moved"]
    again = two.sealift("release", "resume", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["state"] == "published"
    assert "is published already" in again.stderr
    nothing_left(two)


def test_the_registrys_own_record_will_do(two: Pair, peer: Peer, server: Relay) -> None:
    broken_off(two, server)
    run = two.record()["id"]
    (two.root / "dist/release.json").unlink()
    done = two.sealift("release", "resume", "--run", run, "--out", "elsewhere")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(len(digests) == 1 for digests in dev(two, peer).values())
    assert json.loads((two.root / "elsewhere/release.json").read_text())["state"] == "published"


def test_what_had_not_arrived_is_carried(two: Pair, peer: Peer, server: Relay) -> None:
    def rule(asked: Asked) -> Fault:
        return Answer(status=403, body=DENIED) if asked.writes and "/web/" in asked.path else None

    server.rule = rule
    done = two.sealift("build-all", "--no-scan")
    assert done.returncode == 5, done.stdout
    assert two.record()["state"] == "recorded"
    server.rule = lambda _: None
    done = two.sealift("release", "resume")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, digests in dev(two, peer).items():
        assert digests == {two.record()["services"][name]["index"]}
    nothing_left(two)


def test_a_tag_that_went_on_since_is_not_moved_back_by_an_old_record(
    two: Pair, peer: Peer, server: Relay, tmp_path: Path
) -> None:
    broken_off(two, server)
    (tmp_path / "old.json").write_text((two.root / "dist/release.json").read_text())
    with (two.root / "services/web/server.py").open("a") as file:
        file.write("# newer\n")
    two.commit()
    assert two.sealift("build-all", "--no-scan").returncode == 0
    newer = dev(two, peer)
    done = two.sealift("release", "resume", str(tmp_path / "old.json"))
    assert done.returncode == 5, done.stdout
    assert "tags of this release were moved by somebody else since:" in done.stderr
    assert f"{server.address}/{two.mirror}web:dev names " in done.stderr
    assert dev(two, peer) == newer


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no release record can be read from"),
        ("{", "is no release record of format 2"),
        ('{"format": 1}', "format: Input should be 2"),
    ],
)
def test_what_is_no_record(two: Pair, tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_text(content)
    done = two.sealift("release", "resume", str(path))
    assert done.returncode == 3, done.stdout
    assert said in done.stderr


def test_a_record_of_what_never_left(two: Pair) -> None:
    assert two.sealift("build-all", "--no-scan", "--no-push").returncode == 0
    done = two.sealift("release", "resume")
    assert done.returncode == 3, done.stdout
    assert "in the state 'signed': nothing of it has left the machine" in done.stderr
