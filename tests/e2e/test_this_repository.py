"""This repository itself: six services, two platforms, both front doors, checked with plain tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.scratch import REGISTRY, ROOT, SEALIFT, Registry, run

SERVICES = {"aidb", "embeddings", "nixos-docs", "hybrid-coordinator", "ralph-wiggum", "dashboard-api"}
PLATFORMS = {"linux/amd64", "linux/arm64"}


def test_both_front_doors_release_all_six_services(engine: Mapping[str, str], tmp_path: Path) -> None:
    done = run([*SEALIFT, "build-all", "--out", str(tmp_path)], env=engine, timeout=1800)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "release.json").read_text())
    assert set(record["services"]) == SERVICES
    registry = Registry(prefix="", env=engine)
    public = run([*SEALIFT, "keys", "--public"]).stdout.strip()
    for name, entry in record["services"].items():
        assert registry.digest(name, "dev") == entry["index"]
        served = registry.index(name, "dev")
        assert set(served) == PLATFORMS
        for reference in (entry["index"], *served.values()):
            check = run(
                [
                    "cosign",
                    "verify",
                    f"--key={public}",
                    "--insecure-ignore-tlog=true",
                    f"{REGISTRY}/{name}@{reference}",
                ],
                env=engine,
            )
            assert check.returncode == 0, check.stderr
        for platform in entry["platforms"].values():
            assert platform["user"] == "1001:1001"
            assert platform["labels"]["org.opencontainers.image.base.digest"].startswith("sha256:")
    assert (
        record["services"]["nixos-docs"]["platforms"]["linux/arm64"]["labels"]["org.opencontainers.image.base.digest"]
        == record["services"]["aidb"]["platforms"]["linux/arm64"]["digest"]
    )
    environ = {**engine, "PWD": str(ROOT)}
    call = run(["dagger", "call", "--progress=plain", "build-all", "record"], env=environ, timeout=900)
    assert call.returncode == 0, call.stderr
    again = json.loads(call.stdout)
    for name, entry in record["services"].items():
        assert again["services"][name]["index"] == entry["index"]
        assert all(platform["cached"] for platform in again["services"][name]["platforms"].values()), name


def test_services_are_the_same_when_they_are_built_without_caches(engine: Mapping[str, str]) -> None:
    """Python, an image that stands on another, and Node. Go would compile its standard library for minutes."""
    done = run([*SEALIFT, "reproduce", "--json", "nixos-docs", "dashboard-api"], env=engine, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    images = json.loads(done.stdout)["images"]
    assert {(image["service"], image["platform"]) for image in images} == {
        (name, platform) for name in ("aidb", "nixos-docs", "dashboard-api") for platform in PLATFORMS
    }
    assert all(image["same"] and len(set(image["digests"])) == 1 for image in images)
