from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from ci.cli import cli
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from tests.unit.conftest import Git, Samples

CONFIG: dict[str, Any] = {
    "version": 1,
    "project": "sealift",
    "source": "https://example.com/shop",
    "services": {"aidb": {}, "docs": {"needs": {"aidb": "BASE"}}, "jobs": {}},
    "environments": {"local": {"registry": "localhost:5000", "tags": ["dev"]}},
}


@pytest.fixture
def shop(empty_git: Git) -> Git:
    files = {f"services__{name}__Dockerfile": "FROM scratch\n" for name in CONFIG["services"]}
    empty_git.commit("all", **files, **{"sealift.yaml": json.dumps(CONFIG)})
    return empty_git


def shards(shop: Git, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["shards", "--root", str(shop.root), *arguments])


def record(shop: Git, text: str) -> None:
    (shop.root / "dist").mkdir()
    (shop.root / "dist/release.json").write_text(text, encoding="utf-8")


def test_the_matrix_is_one_line(shop: Git) -> None:
    done = shards(shop, "--count", "3", "--json")
    assert done.exit_code == 0, done.output
    assert done.output.count("\n") == 1
    assert json.loads(done.output) == {
        "include": [{"name": "1 of 2", "services": "aidb docs"}, {"name": "2 of 2", "services": "jobs"}]
    }


def test_without_a_record_it_says_that_nothing_was_measured(shop: Git) -> None:
    done = shards(shop, "--count", "3")
    assert done.exit_code == 0, done.output
    assert "Nothing was measured" in done.output
    assert "1 of 3 runners would have nothing to do" in done.output


def test_the_last_record_says_how_long_images_took(shop: Git, samples: Samples) -> None:
    record(shop, samples.published().text())
    done = shards(shop, "--count", "2")
    assert done.exit_code == 0, done.output
    assert "Measured by 20250120T143000Z-ccccccc-9f2c: 2 of 6 images" in done.output


def test_a_record_of_another_project_is_refused(shop: Git, samples: Samples) -> None:
    record(shop, samples.published().text().replace('"project": "sealift"', '"project": "other"'))
    failure = shards(shop, "--count", "2").exception
    assert isinstance(failure, ConfigError)
    assert "is of the project other" in str(failure)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--record", "none.json"], "no release record can be read from none.json"),
        (["--record", "a.json", "--run", "v1.0.0"], "name different records"),
    ],
)
def test_records_that_are_none(shop: Git, arguments: list[str], what: str) -> None:
    failure = shards(shop, "--count", "2", *arguments).exception
    assert isinstance(failure, ConfigError)
    assert what in str(failure)


def test_a_record_that_is_no_record_is_said(shop: Git) -> None:
    record(shop, "{}")
    failure = shards(shop, "--count", "2").exception
    assert isinstance(failure, ConfigError)
    assert "is no release record" in str(failure)


@pytest.mark.parametrize("count", ["0", "257", "many"])
def test_a_count_that_no_matrix_has_is_wrong_usage(shop: Git, count: str) -> None:
    assert shards(shop, "--count", count).exit_code == 2


def test_with_runners_the_matrix_says_what_is_built_where(shop: Git) -> None:
    runners = ("--runner", "linux/amd64=ubuntu-24.04", "--runner", "linux/arm64=our-arm")
    done = shards(shop, "--count", "3", "--json", *runners)
    assert done.exit_code == 0, done.output
    assert done.output.count("\n") == 1
    entries = json.loads(done.output)["include"]
    assert [(entry["part"], entry["services"], entry["runner"]) for entry in entries] == [
        ("linux-amd64-1", "aidb docs", "ubuntu-24.04"),
        ("linux-amd64-2", "jobs", "ubuntu-24.04"),
        ("linux-arm64-1", "aidb docs", "our-arm"),
        ("linux-arm64-2", "jobs", "our-arm"),
    ]


def test_a_platform_without_a_runner_is_refused(shop: Git) -> None:
    failure = shards(shop, "--count", "3", "--json", "--runner", "linux/arm64=our-arm").exception
    assert isinstance(failure, ConfigError)
    assert "no runner is known that builds for linux/amd64" in str(failure)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--count", "3", "--runner", "linux/amd64=a"],
        ["--count", "3", "--json", "--runner", "linux/amd64"],
        ["--count", "129", "--json", "--runner", "linux/amd64=a", "--runner", "linux/arm64=b"],
    ],
)
def test_runners_that_are_wrong_usage(shop: Git, arguments: list[str]) -> None:
    assert shards(shop, *arguments).exit_code == 2
