from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from ci.docker_config import erase, store
from ci.logins import from_docker, from_github, read_secret
from pipelines.errors import ConfigError, RegistryError
from pipelines.registry.auth import Login

ME = Login(username="me", password="s3cret")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"DOCKER_CONFIG": str(tmp_path / "docker")}


def file(environ: dict[str, str]) -> Path:
    return Path(environ["DOCKER_CONFIG"]) / "config.json"


@pytest.mark.parametrize("registry", ["ghcr.io", "docker.io", "index.docker.io", "localhost:5000", "gcr.io"])
def test_what_is_stored_is_found_and_erased(environ: dict[str, str], registry: str) -> None:
    place = store(environ, registry, ME)
    assert str(file(environ)) in place
    assert stat.S_IMODE(file(environ).stat().st_mode) == 0o600
    assert stat.S_IMODE(file(environ).parent.stat().st_mode) == 0o700
    assert from_docker(environ, [registry, "quay.io"]) == {registry: ME}
    assert erase(environ, registry) == str(file(environ))
    assert from_docker(environ, [registry]) == {}
    assert erase(environ, registry) is None


def test_docker_hub_is_kept_where_docker_looks(environ: dict[str, str]) -> None:
    store(environ, "docker.io", ME)
    assert list(json.loads(file(environ).read_text())["auths"]) == ["https://index.docker.io/v1/"]


def test_a_file_that_others_may_read_is_theirs_no_more(environ: dict[str, str]) -> None:
    file(environ).parent.mkdir()
    file(environ).write_text("{}")
    file(environ).chmod(0o644)
    store(environ, "ghcr.io", ME)
    assert stat.S_IMODE(file(environ).stat().st_mode) == 0o600


def test_a_link_stays_one(environ: dict[str, str], tmp_path: Path) -> None:
    file(environ).parent.mkdir()
    (tmp_path / "real.json").write_text("{}")
    file(environ).symlink_to(tmp_path / "real.json")
    store(environ, "ghcr.io", ME)
    assert file(environ).is_symlink()
    assert "ghcr.io" in (tmp_path / "real.json").read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": []}', '"x"'])
def test_a_file_that_is_not_dockers_is_left_as_it_is(environ: dict[str, str], text: str) -> None:
    file(environ).parent.mkdir()
    file(environ).write_text(text)
    with pytest.raises(ConfigError, match="is not Docker's configuration"):
        store(environ, "ghcr.io", ME)
    assert file(environ).read_text() == text


def test_a_helper_that_is_not_there(environ: dict[str, str]) -> None:
    file(environ).parent.mkdir()
    file(environ).write_text('{"credsStore": "no-such-helper"}')
    with (
        pytest.warns(UserWarning, match="not installed"),
        pytest.raises(RegistryError, match="docker-credential-no-such-helper"),
    ):
        store(environ, "ghcr.io", ME)
    assert file(environ).read_text() == '{"credsStore": "no-such-helper"}'


def test_a_refresh_token_goes_with_the_kinds_own_user_name(environ: dict[str, str]) -> None:
    empty = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
    auths = {name: {"auth": empty, "identitytoken": "refresh"} for name in ("shop.azurecr.io", "registry.example")}
    file(environ).parent.mkdir()
    file(environ).write_text(json.dumps({"auths": auths}))
    user = "00000000-0000-0000-0000-000000000000"
    assert from_docker(environ, auths) == {"shop.azurecr.io": Login(username=user, password="refresh")}


GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "octo", "GITHUB_TOKEN": "job-token"}


def test_github_actions_own_token_is_for_its_own_registry() -> None:
    assert from_github(GITHUB, "ghcr.io") == Login(username="octo", password="job-token")
    for registry in ("quay.io", "ghcr.io.example", "localhost:5000", "docker.io"):
        assert from_github(GITHUB, registry) is None


@pytest.mark.parametrize("name", list(GITHUB))
def test_nothing_is_guessed(name: str) -> None:
    assert from_github({**GITHUB, name: ""}, "ghcr.io") is None


def test_secrets_by_their_address(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    assert read_secret({}, "DOCKER_PASSWORD", f"file://{tmp_path}/password") == "s3cret"
    assert read_secret({"P": "s3cret"}, "DOCKER_PASSWORD", "env://P") == "s3cret"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("env://NOPE", "the variable is not set"),
        ("file:///no/such/file", "No such file"),
        ("vault://shop/password", "asks no engine"),
    ],
)
def test_secrets_that_cannot_be_read(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_secret({}, "DOCKER_PASSWORD", address)
