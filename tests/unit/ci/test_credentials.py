from __future__ import annotations

import base64
import json
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ci.credentials import as_seen, logins
from ci.logins import find_logins, from_docker
from pipelines.config import Config, Flags, Settings, resolve
from pipelines.errors import ConfigError, RegistryError
from pipelines.registry.auth import Login

ME = Login(username="me", password="s3cret")


class Secret:
    def __init__(self, text: str) -> None:
        self.text = text

    async def plaintext(self) -> str:
        return self.text


NO_ENGINE = cast(Any, None)


def settings(environ: dict[str, str], registry: str = "localhost:5000", flags: Flags | None = None) -> Settings:
    config = {
        "version": 1,
        "project": "shop",
        "source": "https://example.com/shop",
        "services": {"web": {}},
        "environments": {"local": {"registry": registry, "also": [{"registry": "ghcr.io"}]}},
    }
    return resolve(Config.model_validate(config), environ=environ, flags=flags)


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
    found = await logins(NO_ENGINE, environ, settings(environ), settings(environ).targets)
    other = Login(username="other", password="token")
    assert as_seen(found) == {"localhost:5000": ME, "loopback-5000:5000": ME, "ghcr.io": other}


async def _secret(_client: Any, environ: dict[str, str], variable: str, _address: str) -> Secret:
    return Secret(environ[variable])


@pytest.mark.anyio
@pytest.mark.parametrize("half", [{}, {"DOCKER_USERNAME": "me"}, {"DOCKER_PASSWORD": "s3cret"}])
async def test_without_a_login_there_is_none(tmp_path: Path, half: dict[str, str]) -> None:
    environ = {"DOCKER_CONFIG": str(tmp_path / "none"), **half}
    assert await logins(NO_ENGINE, environ, settings(environ), settings(environ).targets) == {}


@pytest.mark.anyio
async def test_a_password_is_not_for_a_registry_that_only_the_file_names() -> None:
    """The file may be a fork's."""
    environ = {"DOCKER_USERNAME": "me", "DOCKER_PASSWORD": "s3cret"}
    chosen = settings(environ, "registry.evil.example")
    for ask in (lambda: find_logins(environ, chosen, ()), lambda: logins(NO_ENGINE, environ, chosen, ())):
        with pytest.raises(ConfigError, match=r"registry\.evil\.example, which sealift\.yaml names") as refused:
            answer = ask()
            assert isinstance(answer, Awaitable)
            await answer
        assert "s3cret" not in str(refused.value)
        assert "set DOCKER_REGISTRY=registry.evil.example if" in refused.value.remedy


@pytest.mark.parametrize("by", ["variable", "flag"])
def test_a_password_is_for_the_registry_that_the_caller_names(by: str) -> None:
    environ = {"DOCKER_USERNAME": "me", "DOCKER_PASSWORD": "s3cret", "DOCKER_CONFIG": "/none"}
    environ |= {"DOCKER_REGISTRY": "ghcr.io"} if by == "variable" else {}
    flags = Flags(registry="ghcr.io") if by == "flag" else None
    chosen = settings(environ, "ghcr.io", flags)
    assert find_logins(environ, replace(chosen, password="env://DOCKER_PASSWORD"), ()) == {"ghcr.io": ME}


def test_a_configuration_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "no-such-helper"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(RegistryError, match=r"no usable login for ghcr\.io"):
        from_docker({"DOCKER_CONFIG": str(tmp_path)}, ["ghcr.io"])
