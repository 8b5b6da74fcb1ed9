"""Workflows for GitHub: golden where they build on several runners. What all of them grant: tests/integration."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from pipelines.model import Platform
from pipelines.render.workflows import Called, Native, Released, as_written, reusable, workflows
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


@pytest.mark.parametrize("name", NATIVE)
def test_reusable_golden(name: str, golden: Callable[[str, str], None]) -> None:
    made = reusable("0" * 40, NATIVE[name])
    assert as_written(made)
    golden(f"workflow-reusable-{name}.yml", made)


def test_caller_golden(golden: Callable[[str, str], None]) -> None:
    made = workflows(RELEASED, sealift="0" * 40, locked=False, called=Called(repository="acme/ci", commit="c" * 40))
    golden("workflow-caller.yml", made["release.yml"])


@pytest.mark.parametrize("name", NATIVE)
def test_what_every_runner_may_have_built_is_announced_to_the_job_that_signs(name: str) -> None:
    native = NATIVE[name]
    jobs = yaml.safe_load(reusable(".", native))["jobs"]
    (announced,) = (step["env"]["DOCUMENTS"] for step in jobs["release"]["steps"] if "DOCUMENTS" in step.get("env", ()))
    assert list(jobs["build"]["outputs"]) == list(native.parts)
    assert announced == " ".join(f"${{{{ needs.build.outputs.{part} }}}}" for part in native.parts)


def test_parts_are_called_as_the_matrix_calls_them() -> None:
    assert NATIVE["native"].parts == ("linux-amd64", "linux-arm64")
    assert NATIVE["shards"].parts[:5] == (
        "linux-amd64", "linux-amd64-1", "linux-amd64-2", "linux-amd64-3", "linux-arm64"
    )  # fmt: skip


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
