"""A registry's list of what is attached to an image lacks the signature: as a copy that was killed may leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.model import RECORDS
from pipelines.trust import SIGNATURE
from tests.faults.outcomes import published
from tests.faults.small import Small
from tests.scratch import REGISTRY

PREDICATE = "dev.sigstore.bundle.predicateType"


@pytest.fixture
def repository(engine: Mapping[str, str], tmp_path: Path) -> Iterator[Small]:
    """With an image of its own: other tests sign the one that they share with other keys too."""
    made = Small.create(tmp_path, engine).under_a_prefix_of_its_own()
    yield made
    made.delete("web", RECORDS)


def lists(repository: Small, digest: str) -> str:
    """Where the local registry has the list of what is attached to a digest."""
    return f"http://{REGISTRY}/v2/{repository.registry.prefix}web/manifests/{digest.replace(':', '-')}"


def attached(repository: Small, digest: str) -> dict[str, Any]:
    answer = httpx.get(lists(repository, digest), headers={"Accept": "*/*"}, trust_env=False)
    return answer.raise_for_status().json()  # type: ignore[no-any-return]


def test_what_is_attested_and_not_signed_does_not_verify(repository: Small) -> None:
    """`cosign verify` is content with it: any statement of the key will do."""
    published(repository, "--no-scan")
    (platform,) = repository.registry.index("web", "dev").values()
    whole = attached(repository, platform)
    others = [entry for entry in whole["manifests"] if entry["annotations"][PREDICATE] != SIGNATURE]
    assert len(others) == len(whole["manifests"]) - 1
    httpx.put(
        lists(repository, platform),
        json={**whole, "manifests": others},
        headers={"Content-Type": whole["mediaType"]},
        trust_env=False,
    ).raise_for_status()
    done = repository.sealift("verify")
    assert done.returncode == 10, done.stderr
    assert ":dev: signature: " in done.stderr
    # The next release sees that, and mends it.
    published(repository, "--no-scan")
    assert len(attached(repository, platform)["manifests"]) == len(whole["manifests"])
    assert repository.sealift("verify").returncode == 0
