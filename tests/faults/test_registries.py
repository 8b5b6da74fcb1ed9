"""Registries that are not there, refuse, lie, are full or fail for a while: told as what they are, and no tag moves."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.bounds import bound
from tests.faults.outcomes import let_go, nothing_left, published, refused
from tests.faults.peers import distribution, grow, small_disk
from tests.faults.relay import Answer, Asked, Cut, Fault, relay
from tests.faults.small import CONTENT, Small, without_pauses
from tests.scratch import REGISTRY

DENIED = '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
PORTAL = "<!DOCTYPE html>\n<html>\n<body>\nPlease log in to this network\n</body>\n</html>\n"
HTML = {"Content-Type": "text/html"}

# How the tests learn the port of what stands where the registry should be.
LISTEN = """\
import http.server, socket, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>some other program</html>")
if sys.argv[1] == "web":
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    print(server.server_port, flush=True)
    server.serve_forever()
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    server.accept()[0].sendall(b"220 mail ready\\r\\n")
"""


def without_patience() -> None:
    """The bounds of a request, a minute, and of a copy, an hour, are shortened."""
    bound(request=5, copy=15)


def to(address: str) -> tuple[str, ...]:
    """Publish there; what scanning does has tests of its own."""
    return "--no-scan", "--registry", address


def test_wrong_credentials(repository: Small, tmp_path: Path) -> None:
    path = f"{repository.registry.prefix}web"
    right, wrong = secrets.token_hex(12), secrets.token_hex(12)
    with distribution(tmp_path / "registry", login=("porter", right)) as peer:
        repository.env |= {"DOCKER_USERNAME": "porter", "DOCKER_PASSWORD": wrong, "SEALIFT_DEBUG": "1"}
        said = refused(repository, 5, *to(peer.address))
        assert "401" in said or "unauthorized" in said
        assert "DOCKER_USERNAME" in said
        assert f"registry: {peer.address}: " in said
        assert peer.tags(path) == []
        del repository.env["DOCKER_PASSWORD"], repository.env["DOCKER_USERNAME"]
        assert "DOCKER_USERNAME" in refused(repository, 5, *to(peer.address))
        (tmp_path / "password").write_text(right)
        repository.env |= {"DOCKER_USERNAME": "porter", "DOCKER_PASSWORD": f"file://{tmp_path / 'password'}"}
        said += published(repository, *to(peer.address))
        assert peer.tags(path) == ["dev"]
        # Cosign and the tags before were behind the same login.
        verified = repository.sealift("verify", "--registry", peer.address)
        assert verified.returncode == 0, verified.stderr
    kept = [file.read_text(errors="replace") for file in (repository.root / "dist").rglob("*") if file.is_file()]
    for secret in (right, wrong):
        assert not any(secret in text for text in [said, verified.stdout, verified.stderr, *kept])


def test_a_password_that_is_not_where_it_should_be(repository: Small, tmp_path: Path) -> None:
    missing = tmp_path / "no-such-password"
    repository.env |= {"DOCKER_USERNAME": "porter", "DOCKER_PASSWORD": f"file://{missing}"}
    said = refused(repository, 3)
    assert f"DOCKER_PASSWORD: the secret at file://{missing} cannot be read" in said


def test_a_registry_that_refuses_the_push(repository: Small) -> None:
    def rule(asked: Asked) -> Fault:
        return Answer(status=403, body=DENIED) if asked.writes else None

    with relay(rule) as server:
        said = refused(repository, 5, *to(server.address))
        assert f"web copy: {server.address}: " in said
        assert "http 403" in said
        assert "write permission" in said
        assert all(asked.method == "POST" for asked in server.faults), "a refusal is final, and asked for once"
        assert repository.record()["state"] == "recorded"
        server.rule = lambda _: None
        published(repository, *to(server.address))
        let_go(server)
    assert repository.registry.tags("web") == ["dev"]


def test_a_read_only_registry(repository: Small, tmp_path: Path) -> None:
    readonly = {"maintenance": {"readonly": {"enabled": True}}}
    with distribution(tmp_path / "registry", storage=readonly) as peer:
        said = refused(repository, 5, *to(peer.address))
        assert f"web copy: {peer.address}: " in said
        assert "http 405" in said
        assert "read-only" in said


def test_a_registry_that_answers_html(repository: Small) -> None:
    with relay(lambda _: Answer(status=200, body=PORTAL, headers=HTML)) as server:
        said = refused(repository, 5, *to(server.address))
        assert f"web registry: {server.address}: " in said
        assert "log-in page" in said
        assert " build " not in said, "it is said before anything is built"
        assert not any(asked.writes for asked in server.faults)
        server.rule = lambda _: None
        published(repository, *to(server.address))


def test_a_page_of_html_in_an_error_is_cut_short_and_its_status_kept(repository: Small) -> None:
    page = PORTAL.replace("log in", "log in " + "again and " * 2000)
    with relay(lambda _: Answer(status=403, body=page, headers=HTML)) as server:
        said = refused(repository, 5, *to(server.address))
    assert "http 403" in said
    assert "write permission" in said
    assert len(said) < 4000


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk of the test's own is mounted by root only")
def test_a_registry_that_is_full(repository: Small, tmp_path: Path) -> None:
    blobs = tmp_path / "registry" / "blobs"
    with small_disk(blobs, f"{CONTENT // 2}"), distribution(tmp_path / "registry") as peer:
        said = refused(repository, 5, *to(peer.address))
        assert f"web copy: {peer.address}: " in said
        assert "no space left on device" in said
        assert "free space at the registry" in said
        assert peer.tags(f"{repository.registry.prefix}web") == []
        grow(blobs, f"{CONTENT * 4}")
        published(repository, *to(peer.address))
        assert peer.tags(f"{repository.registry.prefix}web") == ["dev"]


def test_a_registry_that_fails_for_a_while(repository: Small) -> None:
    """The first requests of each kind fail, with 429 or 503 in turn; once they have, the registry is well."""
    known: set[str] = set()

    def rule(asked: Asked) -> Fault:
        kind = f"{asked.method} {'manifest' if '/manifests/' in asked.path else 'other'}"
        if kind in known or asked.method not in {"GET", "HEAD", "PUT"}:
            return None
        known.add(kind)
        faults = (Answer(status=429, headers={"Retry-After": "1"}), Answer(status=503))
        return faults[len(known) % len(faults)]

    with relay(rule) as server:
        published(repository, *to(server.address))
        let_go(server)
        failed = {asked.method for asked in server.faults}
    assert {"GET", "HEAD", "PUT"} <= failed
    assert repository.registry.tags("web") == ["dev"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(status=503, body="down for maintenance"), "http 503"),
        (Answer(status=429, headers={"Retry-After": "1"}), "http 429"),
        (Cut(), "connection reset"),
    ],
    ids=["503", "429", "cut"],
)
def test_retries_come_to_an_end(repository: Small, answer: Answer | Cut, status: str) -> None:
    repository.prepared.append(without_pauses)
    with relay(lambda _: answer) as server:
        said = refused(repository, 5, *to(server.address))
        assert f"web registry: {server.address}: " in said
        assert status in said
        assert len(server.faults) == 2


def test_a_registry_that_asks_to_wait_for_a_day(repository: Small) -> None:
    with relay(lambda _: Answer(status=429, headers={"Retry-After": "86400"})) as server:
        said = refused(repository, 5, *to(server.address))
        assert "http 429" in said
        assert "wait a few minutes" in said
        assert len(server.faults) == 1
        let_go(server)


def test_a_connection_cut_in_the_middle_of_an_upload(repository: Small) -> None:
    cut: list[str] = []

    def rule(asked: Asked) -> Fault:
        upload = asked.method in {"PUT", "PATCH"} and "/blobs/uploads/" in asked.path
        if upload and not cut:
            cut.append(asked.path)
            return Cut(after=100_000)
        return None

    # The engine's way to a registry on the loopback does not pass on that the connection ended: a bound has to.
    repository.prepared.append(without_patience)
    with relay(rule) as server:
        published(repository, *to(server.address))
        let_go(server)
    assert len(cut) == 1
    assert repository.registry.tags("web") == ["dev"]


def test_a_registry_that_is_lost_in_the_middle_of_every_upload(repository: Small) -> None:
    def rule(asked: Asked) -> Fault:
        upload = asked.method in {"PUT", "PATCH"} and "/blobs/uploads/" in asked.path
        return Cut(after=100_000) if upload else None

    repository.prepared += [without_patience, without_pauses]
    with relay(rule) as server:
        said = refused(repository, 5, *to(server.address))
        assert f"web copy: {server.address}: " in said
        let_go(server)


def test_a_registry_that_is_lost_before_the_tags_move(repository: Small) -> None:
    """What is verified at the target cannot be: that is no bad signature, but a registry that does not answer."""
    copied: list[str] = []

    def rule(asked: Asked) -> Fault:
        if asked.method == "PUT" and "/manifests/sha256-" in asked.path:
            copied.append(asked.path)
        return Answer(status=503) if copied and asked.method == "GET" else None

    repository.prepared.append(without_pauses)
    with relay(rule) as server:
        said = refused(repository, 5, *to(server.address))
        assert "503" in said
        assert "wait a few minutes" in said
        server.rule = lambda _: None
        published(repository, *to(server.address))


def test_a_copy_that_broke_off_before_the_signatures_were_listed(repository: Small) -> None:
    """The signature is there then, but no list names it; and whoever copies it again finds it there."""

    def rule(asked: Asked) -> Fault:
        # A registry without the referrers API has the list of what is attached to a digest under this tag.
        listing = asked.method == "PUT" and "/manifests/sha256-" in asked.path
        return Answer(status=403, body=DENIED) if listing else None

    with relay(rule) as server:
        said = refused(repository, 5, *to(server.address))
        assert f"web copy: {server.address}: " in said
        server.rule = lambda _: None
        published(repository, *to(server.address))
        verified = repository.sealift("verify", "--registry", server.address)
        assert verified.returncode == 0, verified.stderr


@pytest.fixture(params=["web", "mail"])
def program(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a program that is no registry."""
    process = subprocess.Popen([sys.executable, "-c", LISTEN, request.param], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.wait()


def test_port_5000_taken_by_something_else(repository: Small, program: int, tmp_path: Path) -> None:
    """The engine that is up is given, so that no second one is started for the folder of state of this test."""
    env = {**repository.env, "SEALIFT_STATE_DIR": str(tmp_path / "state"), "SEALIFT_REGISTRY_PORT": str(program)}
    repository.env = env
    done = repository.sealift("up")
    assert done.returncode == 5, done.stderr
    assert f"port {program} for the registry is taken by python" in done.stderr
    assert "which does not answer like a registry" in done.stderr
    assert "SEALIFT_REGISTRY_PORT=PORT" in done.stderr
    nothing_left(repository)
    # And the way back: a port where a registry is.
    repository.env["SEALIFT_REGISTRY_PORT"] = REGISTRY.partition(":")[2]
    done = repository.sealift("up")
    assert done.returncode == 0, done.stderr


def test_a_release_to_a_port_with_something_else(repository: Small, program: int) -> None:
    repository.prepared += [without_patience, without_pauses]
    said = refused(repository, 5, *to(f"localhost:{program}"))
    assert f"web registry: localhost:{program}: " in said
