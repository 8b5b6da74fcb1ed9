from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipelines.invocation import COMMAND_LINE, Invocation
from pipelines.provenance import Base, Materials, provenance

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

RUN = "20250120T143000Z-ccccccc-9f2c"
LAPTOP = Invocation(builder=COMMAND_LINE, version="1.0.0", files={"sealift.yaml": "sha256:" + "1" * 64})
GITHUB = replace(
    LAPTOP,
    builder="https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main",
    id="https://github.com/acme/shop/actions/runs/7/attempts/2",
    repository="https://github.com/acme/shop",
    ref="refs/heads/main",
    platform={"event": "push", "runner": "github-hosted"},
    files={**LAPTOP.files, "sealift.lock": "sha256:" + "2" * 64},
)


def made(samples: Samples, name: str = "docs", invocation: Invocation = GITHUB, **changes: Any) -> dict[str, Any]:
    plan = samples.plan()
    platforms = (samples.amd64, samples.arm64)
    digests = {platform: samples.digest(f"aidb {platform}") for platform in platforms}
    bases = [
        Base(reference="python:3.11-slim-bookworm", platform=platform, digest=samples.digest(f"python {platform}"))
        for platform in platforms
    ]
    materials = Materials(
        bases=bases,
        whole=True,
        needs={"aidb": digests} if name == "docs" else {},
        tools={"trivy": "ghcr.io/aquasecurity/trivy:0.69.3@" + samples.digest("trivy")},
        database=samples.database(),
    )
    return provenance(
        plan, replace(plan.service(name), **changes), materials, invocation=invocation, options={"push": True},
        engine="v0.21.8", run=RUN, started=samples.now, finished=samples.now + timedelta(minutes=2),
    )  # fmt: skip


def roles(document: dict[str, Any]) -> list[str]:
    return [item["annotations"]["role"] for item in document["buildDefinition"]["resolvedDependencies"]]


def test_golden_provenance(samples: Samples, golden: Callable[[str, str], None]) -> None:
    golden("provenance.json", json.dumps(made(samples), indent=2) + "\n")


def test_all_that_it_is_made_from_is_named_by_digest(samples: Samples) -> None:
    document = made(samples)
    assert roles(document) == ["source", *["base"] * 2, *["service"] * 2, "tool", "database", "lock"]
    for item in document["buildDefinition"]["resolvedDependencies"]:
        (digest,) = item["digest"].values()
        assert len(digest) in (40, 64)


def test_without_a_platform_that_vouches_for_it_nothing_is_claimed(samples: Samples) -> None:
    document = made(samples, "aidb", LAPTOP, labels={})
    assert document["runDetails"]["builder"]["id"] == COMMAND_LINE
    assert document["runDetails"]["metadata"]["invocationId"] == RUN
    source = document["buildDefinition"]["resolvedDependencies"][0]
    assert source == {"name": "source", "digest": {"gitCommit": "c" * 40}, "annotations": {"role": "source"}}
    assert "service" not in roles(document)


def test_what_is_not_committed_is_said(samples: Samples) -> None:
    source = made(samples, "aidb", dirty=True)["buildDefinition"]["resolvedDependencies"][0]
    assert source["annotations"] == {"role": "source", "changed": True}


def test_of_secrets_there_are_the_names_alone(samples: Samples) -> None:
    document = made(samples, "aidb", secrets={"npm": "env://NPM_TOKEN_IN_VAULT"})
    assert document["buildDefinition"]["externalParameters"]["secrets"] == ["npm"]
    assert "VAULT" not in json.dumps(document)
