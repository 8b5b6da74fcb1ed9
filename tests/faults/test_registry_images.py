"""`sealift registry list`, `inspect`, `copy` and `pull` of what a release has published."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import httpx

from tests.faults.outcomes import published
from tests.faults.peers import Peer
from tests.faults.small import Small
from tests.scratch import REGISTRY


def test_what_a_release_published_is_seen_copied_and_pulled(repository: Small, peer: Peer) -> None:
    repository.extra["environments"] = {
        "local": {"registry": REGISTRY, "tags": ["dev"], "database": {"allow_sample": True}},
        "mirror": {"registry": peer.address, "prefix": "mirror/", "tags": ["dev"]},
        "outside": {"registry": "registry.invalid", "tags": ["dev"]},
    }
    # An image that no other test has scanned: what is attached to it in the quarantine goes with it.
    repository.extra["source"] = "https://example.com/looked-at"
    repository.commit()
    published(repository, "--no-scan")
    # Who only verifies has no private key.
    repository.env["SIGNING_PUBLIC_KEY"] = f"file://{repository.env['SEALIFT_KEYS_DIR']}/cosign.pub"
    record = repository.record()
    index = record["services"]["web"]["index"]

    listed = repository.sealift("registry", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    ((version,),) = (one["versions"] for one in json.loads(listed.stdout))
    assert (version["digest"], version["tags"], version["signed"]) == (index, ["dev"], True)
    assert version["release"] == record["id"]

    seen = repository.sealift("registry", "inspect", "web:dev", "--verify", "--json")
    assert seen.returncode == 0, seen.stderr
    document = json.loads(seen.stdout)
    (image,) = document["platforms"].values()
    assert document["verified"] is True
    assert image["attached"] == ["SBOM (CycloneDX)", "SBOM (SPDX)", "signature"]
    assert document["attached"] == ["provenance (SLSA)", "signature"]
    assert image["user"] == "1001:1001"
    assert image["size"] > 1 << 20

    for what in (f"web@{index}", record["id"]):
        outside = repository.sealift("registry", "copy", what, "--from", "local", "--to", "outside")
        assert outside.returncode == 3, outside.stdout
        assert "rehearsal, not fit for release" in outside.stderr
    copied = repository.sealift("registry", "copy", f"web@{index}", "--from", "local", "--to", "mirror")
    assert copied.returncode == 0, copied.stderr
    assert peer.tags("mirror/web") == []
    there = repository.sealift("registry", "inspect", f"web@{index}", "--env", "mirror", "--json")
    assert json.loads(there.stdout)["platforms"] == document["platforms"]

    pulled = repository.sealift("registry", "pull", "dev", "--out", "elsewhere", "--json")
    assert pulled.returncode == 0, pulled.stderr
    file = repository.root / "elsewhere/web.tar"
    assert json.loads(pulled.stdout)["images"][0]["file"] == "elsewhere/web.tar"
    assert index in held(file)

    # What lost its signature does not come out.
    url = f"http://{REGISTRY}/v2/{repository.registry.prefix}web/manifests/{index.replace(':', '-')}"
    httpx.delete(url, trust_env=False).raise_for_status()
    refused = repository.sealift("registry", "pull", "dev", "--out", "nowhere")
    assert refused.returncode == 10, refused.stdout
    assert f"web@{index}" in refused.stderr
    assert not (repository.root / "nowhere").exists()


def held(archive: Path) -> set[str]:
    """The digests that an OCI archive names first."""
    with tarfile.open(archive) as file:
        member = file.extractfile("index.json")
        assert member is not None
        return {entry["digest"] for entry in json.load(member)["manifests"]}
