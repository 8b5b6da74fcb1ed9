from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, cast

import pytest

from ci.credentials import as_seen, for_tools, logins
from ci.logins import from_docker
from pipelines.config import Config, Settings, resolve
from pipelines.errors import RegistryError
from pipelines.registry.auth import Login

ME = Login(username="me", password="s3cret")


class Secret:
    def __init__(self, text: str) -> None:
        self.text = text

    async def plaintext(self) -> str:
        return self.text


class Client:
    """As much of the engine's client as logins need."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def set_secret(self, name: str, text: str) -> Secret:
        self.secrets[name] = text
        return Secret(text)


def settings(environ: dict[str, str]) -> Settings:
    config = {
        "version": 1,
        "project": "shop",
        "source": "https://example.com/shop",
        "services": {"web": {}},
        "environments": {"local": {"registry": "localhost:5000", "also": [{"registry": "ghcr.io"}]}},
    }
    return resolve(Config.model_validate(config), environ=environ)


def docker(folder: Path, **logins: str) -> dict[str, str]:
    """Docker's own configuration, `host=name:password`; the environment that names it."""
    auths = {host: {"auth": base64.b64encode(login.encode()).decode()} for host, login in logins.items()}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    return {"DOCKER_CONFIG": str(folder)}


@pytest.mark.parametrize(
    ("registry", "hosts"),
    [
        ("ghcr.io", ["ghcr.io"]),
        ("localhost:5000", ["localhost:5000", "loopback-5000:5000"]),
        ("localhost", ["localhost", "loopback-80:80"]),
        ("[::1]:5001", ["[::1]:5001", "loopback-5001:5001"]),
        ("registry.example:5000", ["registry.example:5000"]),
    ],
)
def test_a_login_is_for_the_registry_as_the_tools_see_it(registry: str, hosts: list[str]) -> None:
    assert as_seen({registry: ME}) == dict.fromkeys(hosts, ME)


def test_a_password_is_not_shown() -> None:
    assert "s3cret" not in repr(ME)


@pytest.mark.anyio
async def test_the_variables_are_for_the_first_registry_and_docker_knows_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = docker(tmp_path, **{"ghcr.io": "other:token", "localhost:5000": "never:asked"})
    environ |= {"DOCKER_USERNAME": "me", "DOCKER_PASSWORD": "s3cret"}
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr("ci.credentials.secret_at", _secret)
    client = Client()
    found = await logins(cast(Any, client), environ, settings(environ), settings(environ).targets)
    assert for_tools(cast(Any, client), found) is not None
    auths = json.loads(client.secrets["sealift:docker-config"])["auths"]
    said = {host: base64.b64decode(entry["auth"]).decode() for host, entry in auths.items()}
    assert said == {"localhost:5000": "me:s3cret", "loopback-5000:5000": "me:s3cret", "ghcr.io": "other:token"}


async def _secret(_client: Any, environ: dict[str, str], variable: str, _address: str) -> Secret:
    return Secret(environ[variable])


@pytest.mark.anyio
@pytest.mark.parametrize("half", [{}, {"DOCKER_USERNAME": "me"}, {"DOCKER_PASSWORD": "s3cret"}])
async def test_without_a_login_there_is_none(tmp_path: Path, half: dict[str, str]) -> None:
    environ = {"DOCKER_CONFIG": str(tmp_path / "none"), **half}
    client = cast(Any, Client())
    found = await logins(client, environ, settings(environ), settings(environ).targets)
    assert for_tools(client, found) is None


def test_a_configuration_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "no-such-helper"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(RegistryError, match=r"no usable login for ghcr\.io"):
        from_docker({"DOCKER_CONFIG": str(tmp_path)}, ["ghcr.io"])
