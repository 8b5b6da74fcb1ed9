"""The GitHub workflows, of this repository and of others: what they grant; and actionlint and zizmor find nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.config import load
from pipelines.model import Platform
from pipelines.render.workflows import REUSABLE, Called, Native, Released, as_written, reusable, workflows
from pipelines.runners import HOSTED
from tests.scratch import ROOT, SEALIFT, run

OWN = (
    "init", "github", "--sealift", ".", "--env", "staging", "--env", "prod",
    "--branch", "main=staging", "--branch", "develop=staging",
)  # fmt: skip
KEYLESS = Released(name="staging", registry="ghcr.io", keyless=True, branches=("develop", "main"))
BOTH = [KEYLESS, Released(name="prod", registry="quay.io", keyless=False, tags=True)]
OWN_RUNNER = {**HOSTED, Platform("linux/riscv64"): "our-board"}
VARIANTS = {
    "keyless at ghcr.io": ([KEYLESS, Released(name="prod", registry="ghcr.io", keyless=True, tags=True)], False, None),
    "a key at a registry of one's own": (
        [Released(name="prod", registry="registry.example.com", keyless=False)], True, None,
    ),
    "both": (BOTH, True, None),
    "native": (BOTH, True, Native(runners=HOSTED)),
    "native, in shards": (BOTH, False, Native(runners=HOSTED, shards=4)),
    "native, of services for other platforms each": (BOTH, False, Native(runners=OWN_RUNNER, alike=False)),
    "by another repository's": (
        [KEYLESS, Released(name="prod", registry="quay.io", keyless=True, tags=True)], True, Called(
            repository="acme/ci", commit="c" * 40
        ),
    ),
}  # fmt: skip
"""What is released to, whether there is a lock, and what is built where."""
PARTS = ("build-", "shards-")
"""What the jobs are called that come before one that releases."""


@pytest.fixture(params=["own", *VARIANTS])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A repository's workflows."""
    if request.param == "own":
        return ROOT / ".github/workflows"
    released, locked, how = VARIANTS[request.param]
    made = tmp_path / ".github/workflows"
    made.mkdir(parents=True)
    native, called = (how, None) if isinstance(how, Native) else (None, how)
    for name, text in workflows(released, sealift="0" * 40, locked=locked, native=native, called=called).items():
        (made / name).write_text(text)
    if called:
        # As its own repository has it; that they are in one here is the linters' convenience.
        (made / REUSABLE).write_text(reusable("0" * 40, Native(runners=OWN_RUNNER, shards=2)))
    return made


def test_this_repository_has_what_the_command_writes() -> None:
    for command in (OWN, ("init", "reusable", "--sealift", ".")):
        done = run([*SEALIFT, *command, "--check"])
        assert done.returncode == 0, done.stderr


def test_actionlint_finds_nothing(folder: Path) -> None:
    lock = ROOT / "ci/local/toolchain/actionlint"
    files = map(str, sorted(folder.iterdir()))
    done = run(["go", "-C", str(lock), "tool", "actionlint", "-shellcheck=", *files], env={"CGO_ENABLED": "0"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing(folder: Path) -> None:
    done = run(
        [str(Path(sys.executable).with_name("zizmor")), "--offline", "--persona=pedantic", "--no-config", str(folder)]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout


def test_nothing_is_granted_by_default_and_every_action_is_pinned_by_commit(folder: Path) -> None:
    for workflow in folder.iterdir():
        text = workflow.read_text()
        document = yaml.safe_load(text)
        assert document["permissions"] == {}
        if workflow.name != REUSABLE:
            # A called workflow is in its caller's group.
            assert document["concurrency"]["cancel-in-progress"] is (workflow.name == "pull-request.yml")
        assert "pull_request_target" not in text
        uses = re.findall(r"uses: (\S+)(.*)", text)
        assert uses
        for action, comment in uses:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
            assert REUSABLE in action or re.search(r"# v\d+\.\d+\.\d+", comment), action
        for job in document["jobs"].values():
            assert not any("${{" in step.get("run", "") for step in job.get("steps", ()))
            assert job.get("secrets") != "inherit"


def test_only_what_signs_without_a_key_has_an_identity_and_only_what_releases_may_write(folder: Path) -> None:
    for workflow in folder.iterdir():
        for name, job in yaml.safe_load(workflow.read_text())["jobs"].items():
            releases = workflow.name in {"release.yml", REUSABLE} and not f"{name}-".startswith(PARTS)
            keyless = releases and "SIGNING_KEY" not in job.get("env", ())
            assert ("id-token" in job["permissions"]) == keyless, name
            written = {what for what, how in job["permissions"].items() if how == "write"}
            assert written <= ({"packages", "id-token", "security-events"} if releases else {"security-events"})
            if workflow.name == "pull-request.yml":
                assert "secrets." not in workflow.read_text()
                assert set(job.get("env", {})) <= {"GITHUB_TOKEN"}


def test_what_builds_for_a_job_that_releases_has_nothing_to_take(folder: Path) -> None:
    jobs = yaml.safe_load((folder / "release.yml").read_text())["jobs"]
    for name, job in jobs.items():
        if "uses" in job:
            assert job["with"]["environment"] == name.removeprefix("release-")
            continue
        if not name.startswith(PARTS):
            assert job["environment"] == name.removeprefix("release-")
            continue
        # What divides builds nothing; it reads the last records.
        divides = name.startswith("shards-")
        assert set(job["permissions"].items()) <= {("contents", "read"), *([("packages", "read")] if divides else [])}
        assert "environment" not in job
        assert not re.search(r"secrets\." if divides else r"secrets\.|github\.token", str(job))
        assert job["if"] == jobs[f"release-{name.partition('-')[2]}"]["if"]


def test_what_builds_for_others_has_nothing_to_take_and_no_runner_that_they_could_name(folder: Path) -> None:
    file = folder / REUSABLE
    if not file.exists():
        return
    document = yaml.safe_load(file.read_text())
    jobs = document["jobs"]
    assert list(document[True]) == ["workflow_call"]  # YAML 1.1 reads `on` as true
    assert list(jobs) == ["shards", "build", "release"]
    for job in (jobs["shards"], jobs["build"]):
        assert job["permissions"] == {"contents": "read"}
        assert "environment" not in job
        assert not re.search(r"secrets\.|github\.token", str(job))
    assert jobs["release"]["environment"] == "${{ inputs.environment }}"
    # Nothing of the caller's is there when Sealift is installed, and what an input says is nowhere a program.
    for job in jobs.values():
        assert job["steps"][0]["name"] == "Install Sealift"
        assert "inputs." not in str(job["runs-on"])
        assert not any("inputs." in step.get("run", "") for step in job["steps"])


def test_the_identities_that_count_are_those_of_the_workflow_that_releases() -> None:
    config = load(ROOT, environ={}).config
    repository = config.source.removeprefix("https://github.com/")
    document = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    pushed = document[True]["push"]  # YAML 1.1 reads `on` as true
    refs = [*(f"refs/heads/{branch}" for branch in pushed["branches"]), "refs/tags/{version}"]
    at = f"https://github.com/{repository}/.github/workflows/release.yml@"
    assert {item.subject for item in config.signing.identities} == {at + ref for ref in refs}


def test_what_was_changed_by_hand_is_known() -> None:
    (text, *_) = workflows([KEYLESS], sealift=".", locked=False).values()
    assert as_written(text)
    assert not as_written(text.replace("timeout-minutes: 60", "timeout-minutes: 90"))
    assert not as_written("name: mine\n")
    assert not as_written("")
