"""The GitHub workflow, checked by actionlint, built from its lock file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines.config import load
from tests.scratch import ROOT, run

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_finds_nothing(workflow: Path) -> None:
    lock = ROOT / "ci/local/toolchain/actionlint"
    done = run(["go", "-C", str(lock), "tool", "actionlint", "-shellcheck=", str(workflow)], env={"CGO_ENABLED": "0"})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_is_granted_by_default_and_every_action_is_pinned_by_commit(workflow: Path) -> None:
    text = workflow.read_text()
    document = yaml.safe_load(text)
    assert document["permissions"] == {}
    assert "pull_request_target" not in text
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses
    for action, comment in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert re.search(r"# v\d+\.\d+\.\d+", comment), action
    for name, job in document["jobs"].items():
        assert ("id-token" in job["permissions"]) == (name == "release"), "only what signs has an identity"
        assert not any("${{" in step.get("run", "") for step in job["steps"])


def test_the_identities_that_count_are_those_of_the_workflow_that_releases() -> None:
    config = load(ROOT, environ={}).config
    repository = config.source.removeprefix("https://github.com/")
    document = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    pushed = document[True]["push"]  # YAML 1.1 reads `on` as true
    refs = [*(f"refs/heads/{branch}" for branch in pushed["branches"]), "refs/tags/{version}"]
    at = f"https://github.com/{repository}/.github/workflows/release.yml@"
    assert {item.subject for item in config.signing.identities} == {at + ref for ref in refs}
