from __future__ import annotations

import base64
import json

import pytest

from pipelines.registry.auth import Login, docker_config


def login(hosts: list[str], password: str = "s3cret") -> dict[str, str]:  # noqa: S107
    """Host → what its tools would send, `user:password`."""
    document = json.loads(docker_config(dict.fromkeys(hosts, Login(username="me", password=password))))
    assert list(document) == ["auths"]
    return {host: base64.b64decode(entry["auth"]).decode() for host, entry in document["auths"].items()}


def test_one_login_for_every_host() -> None:
    assert login(["ghcr.io", "localhost:5000"]) == {"ghcr.io": "me:s3cret", "localhost:5000": "me:s3cret"}


def test_every_host_has_its_own() -> None:
    logins = {"ghcr.io": Login(username="me", password="a"), "quay.io": Login(username="you", password="b")}
    auths = json.loads(docker_config(logins))["auths"]
    assert {host: base64.b64decode(entry["auth"]) for host, entry in auths.items()} == {
        "ghcr.io": b"me:a",
        "quay.io": b"you:b",
    }


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io"])
def test_docker_hub_is_where_its_clients_look(host: str) -> None:
    assert login([host]) == {"https://index.docker.io/v1/": "me:s3cret"}


@pytest.mark.parametrize("password", ['qu"ote\\', "a:b:c", "pässwörd", "line\nend"])
def test_passwords_survive(password: str) -> None:
    assert login(["ghcr.io"], password=password) == {"ghcr.io": f"me:{password}"}


def test_the_password_is_not_readable_as_it_is() -> None:
    assert "s3cret" not in docker_config({"ghcr.io": Login(username="me", password="s3cret")})
