"""Workflows for GitHub: golden where they build on several runners. What all of them grant: tests/integration."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from pipelines.model import Platform
from pipelines.render.workflows import Native, Released, workflows
from pipelines.runners import HOSTED

RELEASED = (
    Released(name="staging", registry="ghcr.io", keyless=True, branches=("main",)),
    Released(name="prod", registry="quay.io", keyless=False, tags=True),
)
NATIVE = {
    "native": Native(runners=HOSTED),
    "shards": Native(runners={**HOSTED, Platform("linux/riscv64"): "our-board"}, shards=3),
}


@pytest.mark.parametrize("name", NATIVE)
def test_native_golden(name: str, golden: Callable[[str, str], None]) -> None:
    made = workflows(RELEASED, sealift="0" * 40, locked=False, native=NATIVE[name])
    golden(f"workflow-{name}.yml", made["release.yml"])


@pytest.mark.parametrize("native", NATIVE.values(), ids=NATIVE)
def test_what_does_not_release_is_the_same(native: Native) -> None:
    one = workflows(RELEASED, sealift=".", locked=True)
    several = workflows(RELEASED, sealift=".", locked=True, native=native)
    assert [name for name in one if one[name] != several[name]] == ["release.yml"]


def test_one_runner_releases_in_one_job() -> None:
    jobs = yaml.safe_load(workflows(RELEASED, sealift=".", locked=True)["release.yml"])["jobs"]
    assert list(jobs) == ["release-staging", "release-prod"]


def test_services_for_other_platforms_each_are_divided_too() -> None:
    made = workflows(RELEASED, sealift=".", locked=True, native=Native(runners=HOSTED, alike=False))
    jobs = yaml.safe_load(made["release.yml"])["jobs"]
    assert jobs["build-prod"]["needs"] == "shards-prod"
    assert "--count 1 " in jobs["shards-prod"]["steps"][-1]["run"]
