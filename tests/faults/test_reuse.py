"""Releases that find what was published of the same inputs; and releases that are built again from their commit."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.key import ANNOTATION
from pipelines.model import RECORDS
from tests.faults.clock import tomorrow
from tests.faults.outcomes import nothing_left
from tests.faults.several import INDEX, SERVICES, two_services
from tests.faults.small import Small
from tests.scratch import REGISTRY, run


def git(root: Path, *arguments: str) -> str:
    done = run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments], cwd=root)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def shop(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Two services, released as v1.0.0."""
    made = two_services(engine, tmp_path_factory.mktemp("shop"))
    tags = ["semver", "latest-on-release"]
    made.extra["environments"] = {
        "local": {"registry": REGISTRY, "tags": tags, "database": {"allow_sample": True}},
    }
    made.extra["policy"] = {"ignores": "ignores.yaml"}
    today = datetime.now(UTC).date()
    entry = f"{{id: CVE-2025-1, package: zlib, reason: none, owner: nobody, expires: {today}}}"
    (made.root / "ignores.yaml").write_text(f"version: 1\nignores: [{entry}]\n")
    # Nothing that another session made is found again.
    for name in SERVICES:
        (made.root / f"services/{name}/server.py").write_text(os.urandom(16).hex())
    made.commit()
    git(made.root, "tag", "v1.0.0")
    done = made.sealift("build-all", "--no-scan")
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    made.delete(*SERVICES, RECORDS)


@pytest.fixture(scope="module")
def elsewhere(shop: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A clone, with a quarantine of its own that has nothing in it yet, in which `web` has changed: v1.0.1."""
    root = tmp_path_factory.mktemp("elsewhere") / "clone"
    git(shop.root, "clone", "-q", str(shop.root), str(root))
    made = Small(root=root, env=shop.env, registry=shop.registry, services=shop.services, extra=dict(shop.extra))
    made.extra["project"] = "elsewhere"
    with (root / "services/web/server.py").open("a") as file:
        file.write("changed")
    for path in root.glob("services/*/*"):
        os.utime(path, (time.time() - 5000,) * 2)
    made.commit()
    git(root, "tag", "v1.0.1")
    return made


def released(shop: Small, version: str) -> dict[str, str | None]:
    return {name: shop.registry.digest(name, version) for name in SERVICES}


def attached(shop: Small, service: str, tag: str) -> list[str]:
    """What is attached to a service's index: signature and provenance, each once."""
    repository = f"{REGISTRY}/{shop.registry.prefix}{service}:{tag}"
    done = shop.registry.regctl("artifact", "list", "--format={{json .Descriptors}}", repository)
    return sorted(entry["digest"] for entry in json.loads(done.stdout))


def asked(shop: Small, *arguments: str) -> tuple[dict[str, dict[str, Any]], subprocess.CompletedProcess[str]]:
    """Service → what would become of it, and the command that said so."""
    done = shop.sealift("plan", "--ask", "--no-scan", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {item["service"]: item for item in json.loads(done.stdout)["reuse"]}, done


def point(shop: Small, service: str, tag: str, digest: str) -> None:
    repository = f"{REGISTRY}/{shop.registry.prefix}{service}"
    done = shop.registry.regctl("image", "copy", f"{repository}@{digest}", f"{repository}:{tag}")
    assert done.returncode == 0, done.stderr


def test_a_service_of_which_nothing_changed_keeps_its_digest_on_any_machine(shop: Small, elsewhere: Small) -> None:
    before, signatures = released(shop, "v1.0.0"), attached(shop, "api", "v1.0.0")
    assert len(signatures) == 2, "the signature, and the provenance"
    done = elsewhere.sealift("build-all", "--no-scan")
    assert done.returncode == 0, done.stdout + done.stderr
    after = released(shop, "v1.0.1")
    assert after["api"] == before["api"]
    assert after["web"] not in (None, before["web"])
    record = elsewhere.record()["services"]
    assert record["api"]["reused"] == f"{REGISTRY}/{shop.registry.prefix}api"
    assert record["web"]["reused"] is None
    assert record["api"]["key"] == shop.record()["services"]["api"]["key"] != record["web"]["key"]
    for stage in ("build", "index", "sign", "attest", "copy"):
        assert f"✓ {stage:<16} api" not in done.stderr, done.stderr
        assert f"✓ {stage:<16} web" in done.stderr
    assert attached(shop, "api", "v1.0.1") == signatures
    assert "reused" in done.stdout
    nothing_left(elsewhere)


def test_the_plan_says_what_would_be_reused_and_why(elsewhere: Small) -> None:
    decided, _ = asked(elsewhere, "--version", "v1.0.2")
    assert {name: item["index"] for name, item in decided.items()} == released(elsewhere, "v1.0.1")
    assert "its inputs have not changed" in decided["api"]["why"]
    config = elsewhere.root / "sealift.yaml"
    text = config.read_text()
    config.write_text(text.replace('"linux/amd64"', '"linux/amd64", "linux/arm64"'))
    try:
        decided, _ = asked(elsewhere, "--version", "v1.0.2")
    finally:
        config.write_text(text)
    assert {item["index"] for item in decided.values()} == {None}
    assert "no image of these inputs" in decided["api"]["why"]


def test_what_only_has_the_right_tag_counts_for_nothing(elsewhere: Small) -> None:
    """`web`: signed, but it does not say that it was made of these inputs. `api`: it says so, but is not signed."""
    keys = {name: entry["key"] for name, entry in elsewhere.record()["services"].items()}
    before = released(elsewhere, "v1.0.1")
    point(elsewhere, "web", f"key-{keys['web']}", released(elsewhere, "v1.0.0")["web"] or "")
    forged = f"{REGISTRY}/{elsewhere.registry.prefix}api:key-{keys['api']}"
    (platform,) = elsewhere.registry.index("api", "v1.0.1").values()
    says = ["--annotation", f"{ANNOTATION}={keys['api']}"]
    assert elsewhere.registry.regctl("index", "create", forged, "--digest", platform, *says).returncode == 0
    decided, asking = asked(elsewhere, "--version", "v1.0.2")
    assert {item["index"] for item in decided.values()} == {None}
    assert "which does not say of itself that it was made of these inputs, and does not count" in asking.stderr
    assert "api: an image of the same inputs is at" in asking.stderr
    # The version that is there already names one image for good, and so the release is found to be what it was.
    done = elsewhere.sealift("build-all", "--no-scan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert released(elsewhere, "v1.0.1") == before
    for name, key in keys.items():
        assert elsewhere.registry.digest(name, f"key-{key}") == before[name], "the tag was not mended"


def test_a_release_built_again_is_the_same(shop: Small) -> None:
    done = shop.sealift("rebuild", "v1.0.0", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert (answer["same"], answer["published"], len(answer["manifests"])) == (True, False, 4)
    assert {one["made"] for one in answer["manifests"] if one["platform"] is None} == set(
        released(shop, "v1.0.0").values()
    )
    assert not list(Path("/tmp").glob("sealift-rebuild-*/services/web"))  # noqa: S108
    assert git(shop.root, "status", "--short") == ""


def test_a_release_can_be_built_again_when_its_ignores_have_expired(shop: Small) -> None:
    shop.prepared.append(tomorrow)
    try:
        refused = shop.sealift("plan")
        assert refused.returncode == 3, refused.stdout
        assert "ignores.yaml:2:81 ignores[0].expires: expired" in refused.stderr
        done = shop.sealift("rebuild", "v1.0.0", "--service", "web")
    finally:
        shop.prepared.clear()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "THE SAME" in done.stdout


def test_what_differs_is_told_and_nothing_is_published(elsewhere: Small, tmp_path: Path) -> None:
    document = elsewhere.record()
    document["plan"]["commit"] = git(elsewhere.root, "rev-parse", "v1.0.0")
    (tmp_path / "release.json").write_text(json.dumps(document))
    before = released(elsewhere, "v1.0.1")
    done = elsewhere.sealift("rebuild", "--record", str(tmp_path / "release.json"), "--service", "web", "--publish")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "layer 1 of 1 (" in done.stdout
    assert "different  web index" in done.stdout
    assert "its platforms are others" in done.stdout
    assert "DIFFERENT: 2 of 2 digests. Nothing was published." in done.stdout
    assert released(elsewhere, "v1.0.1") == before


def test_what_a_registry_has_lost_is_restored(shop: Small, elsewhere: Small) -> None:
    version = "v1.0.1"
    before = released(elsewhere, version)
    url = f"http://{REGISTRY}/v2/{elsewhere.registry.prefix}web/manifests"
    for digest in (before["web"], *elsewhere.registry.index("web", version).values()):
        httpx.delete(f"{url}/{digest}", trust_env=False).raise_for_status()
    assert elsewhere.registry.digest("web", "latest") is None
    done = elsewhere.sealift("rebuild", version, "--service", "web", "--publish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "THE SAME, and restored: 4 tag(s) moved." in done.stdout
    assert released(elsewhere, version) == before
    assert elsewhere.registry.digest("web", "latest") == before["web"]
    assert len(attached(elsewhere, "web", version)) == 2
    assert elsewhere.sealift("verify", "--service", "web", "--tag", version).returncode == 0
    assert httpx.head(f"{url}/v1", headers={"Accept": INDEX}, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("rebuild",), 2, "name one release"),
        (("rebuild", "v9.9.9"), 5, "no release record v9.9.9"),
        (("rebuild", "--record", "nowhere.json"), 3, "no release record can be read from nowhere.json"),
    ],
)
def test_what_cannot_be_rebuilt_is_told(shop: Small, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = shop.sealift(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr
