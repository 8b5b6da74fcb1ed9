"""docs/configuration.md says what is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipelines.config import (
    VARIABLES,
    Boot,
    Config,
    Database,
    Environment,
    InvalidConfig,
    Policy,
    Retention,
    Service,
    Signing,
    TagRule,
    load,
    parse,
)
from pipelines.config.bases import Bases
from pipelines.config.ignores import Entry, read_ignores

TEXT = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_the_shown_error_is_the_real_one(repository: Callable[..., Path]) -> None:
    (shown,) = re.findall(r"```text\n(.*?)\n```", TEXT, re.DOTALL)
    with pytest.raises(InvalidConfig) as caught:
        load(repository(YAML[-1], "src/Dockerfile"), environ={})
    assert str(caught.value) == shown


def test_the_small_example_works() -> None:
    config = parse(YAML[0])
    assert list(config.services) == ["base", "api", "worker"]


@pytest.mark.parametrize("model", [Config, Service, Boot, Environment, Policy, Database, Signing, Retention, Bases])
def test_every_key_is_there_with_its_default(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        (row,) = re.findall(rf"^\| (?:`\w+`, )*`{name}`(?:, `\w+`)* \| ([^|]*) \|", section(model), re.MULTILINE)
        if field.is_required():
            assert row == "required"
        elif isinstance(field.default, bool):
            assert row == f"`{str(field.default).lower()}`"
        elif type(field.default) in (int, str) and field.default:
            assert row == f"`{field.default}`"


def section(model: type[BaseModel]) -> str:
    titles = {Config: "Top level", Service: "services", Environment: "environments"}
    title = titles.get(model, model.__name__.lower())
    return re.split(r"^#+ ", TEXT.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_ignores_that_are_shown_are_read_and_each_key_is_described(tmp_path: Path) -> None:
    (text,) = [text for text in YAML if "\nignores:" in text]
    (tmp_path / "ignores.yaml").write_text(text, encoding="utf-8")
    (ignore,) = read_ignores(tmp_path, "ignores.yaml", ["api", "web"], today=date(2025, 1, 20))
    assert (ignore.id, ignore.services, ignore.origin) == ("CVE-2023-32681", ("api",), "ignores.yaml:5")
    described = TEXT.split("### Ignores\n", 1)[1].split("\n## ", 1)[0]
    for name, field in Entry.model_fields.items():
        assert f"| `{name}` | {'required' if field.is_required() else 'all'} |" in described


def test_every_rule_and_variable_is_there() -> None:
    for name in [*TagRule, *VARIABLES]:
        assert f"| `{name}` |" in TEXT
