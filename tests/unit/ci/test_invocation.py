from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ci.addresses import INSIDE
from ci.invocation import invocation
from pipelines.invocation import COMMAND_LINE, DAGGER_MODULE

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/release.yml@refs/tags/v1.2.3",
    "GITHUB_REF": "refs/tags/v1.2.3",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_EVENT_NAME": "push",
    "RUNNER_ENVIRONMENT": "github-hosted",
    "RUNNER_NAME": "host-of-mine",
    "GITHUB_TOKEN": "ghs_secret",
}


def test_on_github_actions_the_workflow_is_the_builder(tmp_path: Path) -> None:
    made = invocation(GITHUB, tmp_path)
    assert made.builder == "https://github.example.com/acme/shop/.github/workflows/release.yml@refs/tags/v1.2.3"
    assert made.id == "https://github.example.com/acme/shop/actions/runs/7/attempts/2"
    assert (made.repository, made.ref) == ("https://github.example.com/acme/shop", "refs/tags/v1.2.3")
    assert made.platform == {"event": "push", "runner": "github-hosted"}
    for hidden in ("host-of-mine", "ghs_secret", str(tmp_path)):
        assert hidden not in repr(made)


def test_of_a_reusable_workflow_that_is_the_builder_and_the_signers_own_counts_more(tmp_path: Path) -> None:
    called = f"acme/ci/.github/workflows/release.yml@{'0' * 40}"
    made = invocation({**GITHUB, "SEALIFT_WORKFLOW_REF": called}, tmp_path)
    assert made.builder == f"https://github.example.com/{called}"
    assert made.repository == "https://github.example.com/acme/shop"
    assert made.by("https://github.com/a/b/c.yml@d").builder == "https://github.com/a/b/c.yml@d"
    assert made.by(None) == made
    # On GitHub Enterprise Server the job's context does not have it.
    assert invocation({**GITHUB, "SEALIFT_WORKFLOW_REF": ""}, tmp_path) == invocation(GITHUB, tmp_path)


@pytest.mark.parametrize(
    ("environ", "builder"),
    [
        ({}, COMMAND_LINE),
        ({INSIDE: "1"}, DAGGER_MODULE),
        ({name: value for name, value in GITHUB.items() if name != "GITHUB_ACTIONS"}, COMMAND_LINE),
    ],
)
def test_elsewhere_nothing_is_claimed(tmp_path: Path, environ: dict[str, str], builder: str) -> None:
    made = invocation(environ, tmp_path)
    assert (made.builder, made.id, made.repository, made.platform) == (builder, None, None, {})


def test_the_files_that_decide_are_named_by_their_digest(tmp_path: Path) -> None:
    for name in ("sealift.yaml", "sealift.lock", "ignores.yaml"):
        (tmp_path / name).write_text(name)
    made = invocation({}, tmp_path, ignores="ignores.yaml")
    assert made.files == {
        name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
        for name in ("sealift.yaml", "sealift.lock", "ignores.yaml")
    }
    assert invocation({}, tmp_path / "elsewhere").files == {}
