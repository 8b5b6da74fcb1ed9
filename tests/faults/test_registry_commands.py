"""`sealift registry login`, `logout`, `check` and `list` at real registries. No engine is within reach."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.faults.command import Bare, Done, forked
from tests.faults.peers import Peer, distribution
from tests.faults.relay import Answer, Asked, Fault, relay
from tests.faults.small import without_pauses
from tests.scratch import SEALIFT

PASSWORD = "knock-knock"
HELPER = """\
#!{python}
import json, pathlib, sys
kept = pathlib.Path({file!r})
logins = json.loads(kept.read_text()) if kept.exists() else {{}}
given = sys.stdin.read()
if sys.argv[1] == "store":
    login = json.loads(given)
    logins[login["ServerURL"]] = login
elif sys.argv[1] == "erase":
    del logins[given.strip()]
elif given.strip() in logins:
    print(json.dumps(logins[given.strip()]))
else:
    print("credentials not found in native keychain")
    sys.exit(1)
kept.write_text(json.dumps(logins))
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp("locked")
    with distribution(folder, storage={"delete": {"enabled": True}}, login=("porter", PASSWORD)) as made:
        yield made


def give(text: str) -> None:
    """Let the command read this from its standard input."""
    sys.stdin = io.StringIO(text)


def login(bare: Bare, *arguments: str, password: str = PASSWORD) -> Done:
    arguments = ("registry", "login", *arguments, "--password-stdin")
    return forked(arguments, bare.root, bare.env, timeout=60, prepared=partial(give, f"{password}\n"))


def config(bare: Bare) -> Path:
    return bare.home / ".docker/config.json"


def test_a_login_is_kept_in_dockers_file_and_used(bare: Bare, locked: Peer) -> None:
    bare.configure("registry: localhost:5000", f"registry: {locked.address}")
    refused = bare.sealift("registry", "check", "--json")
    assert refused.code == 5
    (step,) = [step for step in json.loads(refused.out)[0]["steps"] if step["state"] == "failed"]
    assert (step["name"], step["problem"]) == ("login", "login")
    assert "there is no login for it yet" in step["remedy"]
    assert f"sealift registry login {locked.address}" in step["remedy"]
    config(bare).parent.mkdir()
    config(bare).write_text('{"HttpHeaders": {"X": "ü"}, "auths": {"ghcr.io": {"auth": "b3RoZXI6b25l"}}}')
    done = login(bare, "--username", "porter")
    assert done.code == 0, done.err
    assert f"Logged in to {locked.address} (self-hosted) as porter. Kept in {config(bare)}" in done.err
    assert stat.S_IMODE(config(bare).stat().st_mode) == 0o600
    kept = json.loads(config(bare).read_text())
    assert kept["HttpHeaders"] == {"X": "ü"}
    assert kept["auths"]["ghcr.io"] == {"auth": "b3RoZXI6b25l"}
    assert base64.b64decode(kept["auths"][locked.address]["auth"]) == f"porter:{PASSWORD}".encode()
    checked = bare.sealift("registry", "check")
    assert checked.code == 0, checked.out + checked.err
    assert re.search(r"✓ +✓ +✓ +✓ +✓", checked.out)
    assert locked.tags("web") == [], "the check leaves nothing behind"
    assert PASSWORD not in done.out + done.err + checked.out + checked.err
    gone = bare.sealift("registry", "logout")
    assert f"Removed the login for {locked.address} from {config(bare)}" in gone.err
    assert list(json.loads(config(bare).read_text())["auths"]) == ["ghcr.io"]
    assert "No login for" in bare.sealift("registry", "logout").err


def test_a_login_is_kept_by_the_helper_that_docker_names(bare: Bare, locked: Peer) -> None:
    tools, kept = bare.home / "bin", bare.home / "kept.json"
    tools.mkdir()
    (tools / "docker-credential-vault").write_text(HELPER.format(python=sys.executable, file=str(kept)))
    (tools / "docker-credential-vault").chmod(0o755)
    bare.env["PATH"] = f"{tools}:{bare.env['PATH']}"
    config(bare).parent.mkdir()
    config(bare).write_text(json.dumps({"credHelpers": {locked.address: "vault"}}))
    done = login(bare, locked.address, "--username", "porter")
    assert done.code == 0, done.err
    assert "docker-credential-vault" in done.err
    assert PASSWORD not in config(bare).read_text()
    assert json.loads(kept.read_text())[locked.address]["Secret"] == PASSWORD
    checked = bare.sealift("registry", "check", "--registry", locked.address)
    assert checked.code == 0, checked.out + checked.err
    assert bare.sealift("registry", "logout", locked.address).code == 0
    assert json.loads(kept.read_text()) == {}
    (tools / "docker-credential-vault").unlink()
    broken = bare.sealift("registry", "check", "--registry", locked.address)
    assert broken.code == 5
    assert "Docker's configuration has no usable login" in broken.err


def test_a_wrong_password_is_kept_nowhere(bare: Bare, locked: Peer) -> None:
    done = login(bare, locked.address, "--username", "porter", password="guess")
    assert done.code == 5
    assert "UNAUTHORIZED: authentication required [http 401]" in done.err
    assert "guess" not in done.err
    assert not config(bare).exists()


def test_the_variables_come_first(bare: Bare, locked: Peer) -> None:
    secret = bare.write("password", f"{PASSWORD}\n")
    bare.env |= {"DOCKER_USERNAME": "porter", "DOCKER_PASSWORD": f"file://{secret}", "DOCKER_REGISTRY": locked.address}
    done = bare.sealift("registry", "check", "--read-only", "--json")
    assert done.code == 0, done.out + done.err
    states = {step["name"]: step["state"] for step in json.loads(done.out)[0]["steps"]}
    assert states == {"reach": "ok", "login": "ok", "pull": "ok", "push": "skipped", "delete": "skipped"}
    secret.unlink()
    assert f"the secret at file://{secret} cannot be read: No such file" in bare.sealift("registry", "check").err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("login", "localhost:1"), 2, "give it by --password-stdin"),
        (("login", "localhost:1", "--password-stdin"), 2, "--password-stdin needs --username"),
        (("login", "https://ghcr.io", "--password-stdin", "-u", "me"), 2, "without a scheme"),
        (("check", "--env", "nowhere"), 3, "no such environment"),
        (("list", "wbe"), 3, "no such service: 'wbe'"),
        (("inspect", "web@sha256:1"), 3, "is not a digest"),
        (("inspect", "web:"), 3, "is not an image tag"),
        (("pull", "v1"), 2, "--out FOLDER, --load, or both"),
        (("pull", "v1", "--out", "o", "--platform", "windows/amd64"), 2, "is not a platform"),
    ],
)
def test_what_cannot_be_meant_is_told(bare: Bare, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = bare.sealift("registry", *arguments)
    assert done.code == code, done.err
    assert said in " ".join(done.err.replace("│", "").split())


def test_all_problems_of_all_registries_at_once(bare: Bare, locked: Peer, tmp_path: Path) -> None:
    def may_only_pull(asked: Asked) -> Fault:
        denied = '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
        return Answer(status=403, body=denied) if asked.writes else None

    page = Answer(status=200, body="<html>log in</html>", headers={"Content-Type": "text/html"})
    readonly = {"maintenance": {"readonly": {"enabled": True}}}
    with (
        distribution(tmp_path / "open") as opened,
        distribution(tmp_path / "readonly", storage=readonly) as frozen,
        relay(may_only_pull, opened.address) as pulling,
        relay(lambda _: page) as portal,
    ):
        also = [locked.address, frozen.address, pulling.address, portal.address, "localhost:1"]
        settings = {"registry": opened.address, "tags": ["dev"], "also": [{"registry": one} for one in also]}
        settings["regions"] = [{"registry": opened.address, "prefix": "eu/"}]
        bare.configure("local: {registry: localhost:5000, tags: [dev]}", f"local: {json.dumps(settings)}")
        check = partial(forked, root=bare.root, env=bare.env, timeout=60, prepared=without_pauses)
        done, table = check(("registry", "check", "--json")), check(("registry", "check"))
    assert done.code == table.code == 5, done.err
    results = {result["registry"]: result for result in json.loads(done.out)}
    problems = {
        name: [(step["name"], step["problem"]) for step in result["steps"] if step["state"] == "failed"]
        for name, result in results.items()
    }
    assert problems == {
        opened.address: [],
        f"{opened.address}/eu": [],
        locked.address: [("login", "login")],
        frozen.address: [("push", "permission")],
        pulling.address: [("push", "permission")],
        portal.address: [("reach", "network")],
        "localhost:1": [("reach", "network")],
    }
    delete = results[opened.address]["steps"][-1]
    assert delete["state"] == "unsupported"
    assert "storage.delete.enabled" in delete["remedy"]
    assert "5 of 7 registries failed." in table.out


def test_a_check_that_is_interrupted_ends_at_once(bare: Bare) -> None:
    """Also where the registry takes the request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [*SEALIFT, "registry", "check", "--registry", f"localhost:{silent.getsockname()[1]}"]
        process = subprocess.Popen(command, cwd=bare.root, env=bare.env, stderr=subprocess.PIPE, text=True)
        silent.accept()
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in said
    assert time.monotonic() - began < 5


def test_versions_are_listed_without_what_is_attached(bare: Bare, locked: Peer) -> None:
    login(bare, locked.address, "--username", "porter")
    empty = bare.sealift("registry", "list", "--registry", locked.address)
    assert empty.code == 0, empty.err
    assert "web: nothing" in empty.out
    auth = ("porter", PASSWORD)
    url = f"http://{locked.address}/v2/web"
    blobs = {}
    for made, text in (("2026-01-02T03:04:05Z", b"one"), ("2026-01-03T03:04:05Z", b"two")):
        document = {"os": "linux", "architecture": "amd64", "created": made, "config": {"User": "1"}}
        for data in (json.dumps(document).encode(), text):
            blobs[data] = put(url, auth, data)
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blobs[json.dumps(document).encode()] | {"mediaType": "application/vnd.oci.image.config.v1+json"},
            "layers": [blobs[text] | {"mediaType": "application/vnd.oci.image.layer.v1.tar"}],
        }
        for tag in (text.decode(), f"{text.decode()}-too", "sha256-" + "0" * 64):
            headers = {"Content-Type": str(manifest["mediaType"])}
            body = json.dumps(manifest)
            httpx.put(f"{url}/manifests/{tag}", content=body, headers=headers, auth=auth, trust_env=False)
    done = bare.sealift("registry", "list", "web", "--registry", locked.address, "--json")
    assert done.code == 0, done.err
    (listed,) = json.loads(done.out)
    assert [one["tags"] for one in listed["versions"]] == [["two", "two-too"], ["one", "one-too"]]
    assert [one["signed"] for one in listed["versions"]] == [False, False]
    assert listed["versions"][0]["platforms"]["linux/amd64"]["layers"] == [3]
    narrow = forked(
        ("registry", "list", "--limit", "1", "--registry", locked.address),
        bare.root, bare.env | {"COLUMNS": "40"}, timeout=60,
    )  # fmt: skip
    assert "2 versions, the newest 1" in narrow.out
    seen = bare.sealift("registry", "inspect", "web:one", "--registry", locked.address)
    assert "Tags      one, one-too" in seen.out
    missing = bare.sealift("registry", "inspect", "web:three", "--registry", locked.address)
    assert missing.code == 5
    assert "name one of its tags: one, one-too, two, two-too" in missing.err


def put(url: str, auth: tuple[str, str], data: bytes) -> dict[str, object]:
    """Send a blob; its descriptor, but for the type."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    location = httpx.URL(httpx.post(f"{url}/blobs/uploads/", auth=auth, trust_env=False).headers["Location"])
    address = location.copy_merge_params({"digest": digest})
    httpx.put(address, content=data, auth=auth, trust_env=False).raise_for_status()
    return {"digest": digest, "size": len(data)}
