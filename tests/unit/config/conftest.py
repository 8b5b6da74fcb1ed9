from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.config import Config, InvalidConfig, load, parse

SHOP = """\
version: 1
project: shop
source: https://example.com/shop
prefix: shop/
policy: {severity: LOW, max_layers: 10}
services:
  web: {needs: {api: API, base: BASE}}
  api: {needs: {base: BASE}}
  base: {}
  old: {platforms: [linux/amd64]}
  arm: {platforms: [linux/arm/v7]}
environments:
  local:
    registry: localhost:5000
    tags: [dev]
    database: {allow_sample: true}
  prod:
    registry: ghcr.io
    prefix: shop/prod/
    tag_prefix: prod-
    policy: {only_fixed: true}
  lan: {registry: 'registry.lan:5000', insecure: true}
"""


@pytest.fixture
def head() -> str:
    """Five lines that every configuration needs; `services:` comes on line 6."""
    return """\
version: 1
project: shop
source: https://example.com/shop
environments:
  local: {registry: 'localhost:5000'}
"""


@pytest.fixture
def services(head: str) -> Callable[[str], str]:
    """A configuration with these services, of which the first stands on line 7."""
    return lambda text: f"{head}services:\n{text}"


@pytest.fixture
def problems_of() -> Callable[[str], list[str]]:
    """The problems of a text, as users see them."""

    def of(text: str) -> list[str]:
        with pytest.raises(InvalidConfig) as caught:
            parse(text)
        return [str(problem) for problem in caught.value.problems]

    return of


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Path]:
    """A repository that is not this one: its sealift.yaml, and files by name; with `/` last, folders."""

    def make(text: str, *files: str) -> Path:
        (tmp_path / "sealift.yaml").write_text(text, encoding="utf-8")
        for name in files:
            path = tmp_path / name
            if name.endswith("/"):
                path.mkdir(parents=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("FROM scratch\n", encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def problems_in() -> Callable[[Path], list[str]]:
    """The problems of a repository, as users see them."""

    def of(root: Path) -> list[str]:
        with pytest.raises(InvalidConfig) as caught:
            load(root, environ={})
        return [str(problem) for problem in caught.value.problems]

    return of


@pytest.fixture(scope="session")
def config() -> Config:
    """Services with needs and platforms of their own, environments with and without rules of their own."""
    return parse(SHOP)
