"""A registry's list of what is attached to an image lacks something, or holds what it should not.

A copy that was killed may leave it so; or somebody who may write to the registry, but not sign.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipelines.model import RECORDS
from pipelines.predicates import CYCLONEDX, PROVENANCE, SPDX
from pipelines.trust import SIGNATURE
from tests.attested import cosign, predicates
from tests.faults.outcomes import published
from tests.faults.small import Small
from tests.scratch import REGISTRY, run
from tests.sigstore.tampering import Document, Image, alter

PREDICATE = "dev.sigstore.bundle.predicateType"


@pytest.fixture
def repository(engine: Mapping[str, str], tmp_path: Path) -> Iterator[Small]:
    """With an image of its own: other tests sign the one that they share with other keys too."""
    made = Small.create(tmp_path, engine).under_a_prefix_of_its_own()
    yield made
    made.delete("web", RECORDS)


def at(repository: Small, digest: str | None) -> Image:
    return Image(f"{REGISTRY}/{repository.registry.prefix}web@{digest}")


def without(image: Image, uri: str) -> Document:
    """Take what has this predicate type off the list of what is attached; the list as it was."""
    whole = image.get("manifests", image.tag)
    others = [entry for entry in whole["manifests"] if entry.get("annotations", {}).get(PREDICATE) != uri]
    assert len(others) == len(whole["manifests"]) - 1
    image.put_manifest(image.tag, {**whole, "manifests": others})
    return whole


def attest_as(repository: Small, image: Image, kind: str, document: Document) -> None:
    """With the repository's own key."""
    keys = Path(repository.env["SEALIFT_KEYS_DIR"])
    file = repository.root.parent / "predicate.json"
    file.write_text(json.dumps(document))
    unlogged = ("--use-signing-config=false", "--tlog-upload=false", "--new-bundle-format=true", "--yes")
    command = ["cosign", "attest", f"--key={keys}/cosign.key", *unlogged, f"--type={kind}", f"--predicate={file}"]
    password = (keys / "cosign.password").read_text()
    done = run([*command, image.reference], env={**repository.env, "COSIGN_PASSWORD": password})
    assert done.returncode == 0, done.stderr


def refused(repository: Small, kind: str) -> str:
    done = repository.sealift("verify")
    assert done.returncode == 10, done.stderr
    assert f":dev: {kind}: " in done.stderr, done.stderr
    return done.stderr


def test_what_is_attested_and_not_signed_does_not_verify(repository: Small) -> None:
    """`cosign verify` is content with it: any statement of the key will do."""
    published(repository, "--no-scan")
    (platform,) = repository.registry.index("web", "dev").values()
    image = at(repository, platform)
    whole = without(image, SIGNATURE)
    refused(repository, "signature")
    # The next release sees that, and mends it.
    published(repository, "--no-scan")
    assert len(image.get("manifests", image.tag)["manifests"]) == len(whole["manifests"])
    assert repository.sealift("verify").returncode == 0


def _changed(statement: Document) -> None:
    statement["predicate"] = {**statement["predicate"], "altered": True}


def test_attestations_that_are_gone_altered_or_of_something_else_do_not_count(repository: Small) -> None:
    published(repository, "--no-scan")
    (platform,) = repository.registry.index("web", "dev").values()
    index, image = at(repository, repository.registry.digest("web", "dev")), at(repository, platform)
    assert repository.record()["services"]["web"]["attested"] == ["spdxjson", "cyclonedx", "slsaprovenance1"]
    (provenance,) = predicates(repository, PROVENANCE.kind, index.reference)
    (sbom,) = predicates(repository, SPDX.kind, image.reference)

    # Removed; and there as what it is not, and where it does not belong.
    whole = without(index, PROVENANCE.uri)
    refused(repository, PROVENANCE.kind)
    attest_as(repository, index, "https://example.com/provenance", provenance)
    attest_as(repository, image, PROVENANCE.kind, provenance)
    refused(repository, PROVENANCE.kind)
    index.put_manifest(index.tag, whole)

    # Of another digest, under this one's name.
    attest_as(repository, index, SPDX.kind, sbom)
    (moved,) = [entry for entry in index.get("manifests", index.tag)["manifests"] if entry not in whole["manifests"]]
    whole = without(image, SPDX.uri)
    image.put_manifest(image.tag, {**whole, "manifests": [*image.get("manifests", image.tag)["manifests"], moved]})
    refused(repository, SPDX.kind)
    image.put_manifest(image.tag, whole)

    # Altered, and the signature as it was.
    alter(image, _changed)
    refused(repository, "signature")
    assert cosign(repository, "verify-attestation", f"--type={CYCLONEDX.kind}", image.reference).returncode != 0

    # The next release finds that it does not count, and mends it.
    published(repository, "--no-scan")
    assert repository.sealift("verify").returncode == 0


def test_of_an_earlier_versions_release_nothing_is_demanded_that_it_never_had(repository: Small) -> None:
    published(repository, "--no-scan")
    index = at(repository, repository.registry.digest("web", "dev"))
    without(index, PROVENANCE.uri)
    record = repository.root / "dist/release.json"
    document = json.loads(record.read_text())
    del document["services"]["web"]["attested"]
    older = repository.root.parent / "older.json"
    older.write_text(json.dumps(document))
    done = repository.sealift("release", "resume", str(older), "--out", "elsewhere")
    assert done.returncode == 0, done.stderr
    assert "copy " not in done.stderr
    # A release that had it is not whole without it, and is brought again from the quarantine.
    done = repository.sealift("release", "resume", str(record), "--out", "elsewhere")
    assert done.returncode == 0, done.stderr
    assert "copy " in done.stderr
    assert predicates(repository, PROVENANCE.kind, index.reference)
