"""Runs of one project at the same time, on one engine and into one repository, that want different things of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.faults.outcomes import nothing_left, published
from tests.faults.small import DOCKERFILE, Small
from tests.scratch import REGISTRY, SEALIFT, run

BASE = "gcr.io/distroless/static-debian12:nonroot"
WITH_ARGUMENT = DOCKERFILE.replace("scratch", BASE).replace("USER", 'ARG FLAVOUR\nLABEL flavour="$FLAVOUR"\nUSER')


def variant(repository: Small, folder: Path, flavour: str, **changes: object) -> Small:
    """The same repository elsewhere: its branch, and so its tag, is its flavour; its key and settings are its own."""
    root = folder / flavour
    shutil.copytree(repository.root, root, ignore=shutil.ignore_patterns(".git", "dist"))
    (root / "services/web/Dockerfile").write_text(WITH_ARGUMENT)
    assert run(["git", "init", "-q", "-b", flavour], cwd=root).returncode == 0
    rules = {"registry": REGISTRY, "tags": ["branch"], "database": {"allow_sample": True}}
    service = {**repository.services["web"], "args": {"FLAVOUR": flavour}, **changes.pop("web", {})}  # type: ignore[dict-item]
    made = Small(
        root=root,
        env={**repository.env, "SEALIFT_KEYS_DIR": str(folder / f"{flavour}-keys")},
        registry=repository.registry,
        services={"web": service},
        extra={"environments": {"local": rules}, **changes},
    )
    made.commit()
    return made


def test_runs_at_once_with_different_settings_of_which_one_is_refused(repository: Small, tmp_path: Path) -> None:
    one = variant(repository, tmp_path, "one")
    other = variant(repository, tmp_path, "other", platforms=["linux/amd64", "linux/arm64"])
    large = variant(repository, tmp_path, "large", web={"size_budget": "500KB"})
    with ThreadPoolExecutor(3) as pool:
        runs = {
            "one": pool.submit(one.sealift, "build-all"),
            "other": pool.submit(other.sealift, "build-all", "--jobs", "1"),
            "large": pool.submit(large.sealift, "build-all"),
        }
    ended = {name: future.result() for name, future in runs.items()}
    assert {name: done.returncode for name, done in ended.items()} == {"one": 0, "other": 0, "large": 4}, ended
    registry = repository.registry
    assert sorted(registry.tags("web")) == ["one", "other"]
    assert set(registry.index("web", "one")) == {"linux/amd64"}
    assert set(registry.index("web", "other")) == {"linux/amd64", "linux/arm64"}
    assert registry.index("web", "one")["linux/amd64"] != registry.index("web", "other")["linux/amd64"]
    for made in (one, other):
        nothing_left(made)
        assert registry.digest("web", made.root.name) == made.record()["services"]["web"]["index"]
        # Each has a key of its own, with which everything that its tag names is signed.
        assert made.sealift("verify").returncode == 0
    large.services["web"]["size_budget"] = "100MB"
    large.commit()
    published(large)
    assert registry.digest("web", "large") == large.record()["services"]["web"]["index"]


def test_two_runs_of_one_version_with_different_images(repository: Small, tmp_path: Path) -> None:
    """Two machines, as it were: one release is made, and the other run says so."""
    repository.extra["environments"] = {"local": {"registry": REGISTRY, "tags": ["semver"]}}
    environ = {**os.environ, **repository.env}
    roots = [tmp_path / name for name in ("one", "two")]
    runs = []
    for root in roots:
        shutil.copytree(repository.root, root)
        made = replace(repository, root=root)
        (root / "services/web/content").write_bytes(os.urandom(1000))
        made.commit()
        command = [*SEALIFT, "build-all", "--no-scan", "--version", "v1.0.0"]
        runs.append(
            subprocess.Popen(
                command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    ended = [(process.communicate(timeout=300)[0], process.returncode) for process in runs]
    assert sorted(code for _, code in ended) == [0, 5], ended
    said = next(text for text, code in ended if code)
    assert "v1.0.0 is being released by another run too" in said or "was moved by somebody else" in said, said
    records = [json.loads((root / "dist/release.json").read_text()) for root in roots]
    (winner,) = [record for record in records if record["state"] == "published"]
    assert {repository.registry.digest("web", tag) for tag in ("v1.0.0", "v1.0", "v1")} == {
        winner["services"]["web"]["index"]
    }
    nothing_left(repository)
