"""A release, a change of its packages and of a layer, a rehearsal: `sealift delta` says exactly that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.model import RECORDS
from tests.faults.advisory_artifacts import served
from tests.faults.outcomes import nothing_left, published
from tests.faults.small import CONTENT, Small, without_pauses
from tests.scratch import REGISTRY

CVE = "CVE-2025-62727"
MENDED = {
    "id": CVE, "severity": "HIGH", "package": "starlette", "installed": "0.49.0", "fixed": "0.49.1",
    "kind": "vulnerability",
}  # fmt: skip
NOBODY = "localhost:1"


@pytest.fixture(scope="module")
def shop(engine: Mapping[str, str], gained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Released with a vulnerable package; then that is mended, another one added, a layer is larger, and rehearsed.

    `v1` has the results of the release, and `dist` those of the rehearsal.
    """
    made = Small.create(tmp_path_factory.mktemp("delta"), engine).under_a_prefix_of_its_own()
    made.extra["database"] = {"repository": f"{REGISTRY}/{served(made.registry, gained)}"}
    made.extra["policy"] = {"severity": "CRITICAL"}
    there = {"registry": REGISTRY, "tags": ["dev"]}
    made.extra["environments"] = {"local": there, "away": {**there, "registry": NOBODY}}
    (made.root / ".gitignore").write_text("dist/\nv1/\nelsewhere/\nsummary\n.env\n")
    made.commit()
    first = published(made, "--delta", "local")
    assert "Not compared" not in first
    shutil.copytree(made.root / "dist", made.root / "v1")
    context = made.root / "services/web"
    site = context / "site"
    (site / "starlette-0.49.0.dist-info").rename(site / "starlette-0.49.1.dist-info")
    (site / "starlette-0.49.1.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: starlette\nVersion: 0.49.1\n"
    )
    (site / "anyio-4.9.0.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: anyio\nVersion: 4.9.0\nLicense: MIT\n"
    (site / "anyio-4.9.0.dist-info/METADATA").write_text(metadata)
    with (context / "content").open("ab") as file:
        file.write(bytes(range(256)) * 4096)
    made.commit()
    made.env["GITHUB_STEP_SUMMARY"] = str(made.root / "summary")
    done = made.sealift("build-all", "--no-push", "--delta", "local")
    del made.env["GITHUB_STEP_SUMMARY"]
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    made.delete("web", "trivy-db", RECORDS)


def told(shop: Small, *arguments: str) -> dict[str, Any]:
    done = shop.sealift("delta", "--json", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    nothing_left(shop)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_what_changed_and_nothing_else(shop: Small) -> None:
    found = told(shop)
    release = json.loads((shop.root / "v1/release.json").read_text())
    assert found["run"] == shop.record()["id"]
    assert found["against"] == {
        "environment": "local",
        "registry": f"{REGISTRY}/{shop.registry.prefix}".rstrip("/"),
        "releases": [{"id": release["id"], "version": None}],
    }
    (web,) = found["services"]
    assert (web["service"], web["state"], web["release"]) == ("web", "changed", release["id"])
    (one,) = web["platforms"]
    before, after = (record["services"]["web"]["platforms"]["linux/amd64"] for record in (release, shop.record()))
    for name, known in (("before", before), ("after", after)):
        assert {key: one[name][key] for key in ("digest", "size", "packages", "seconds")} == {
            key: known[key] for key in ("digest", "size", "packages", "seconds")
        }
    layers = {layer["command"]: layer for layer in one["layers"]}
    assert [name.split()[1] for name in (command.strip("'") for command in layers)] == ["site", "content"]
    site, content = layers.values()
    assert content["before"] > CONTENT and content["after"] > content["before"]
    changed = sum(layer["after"] - layer["before"] for layer in (site, content))
    assert abs(one["after"]["size"] - one["before"]["size"] - changed) < 1000, "the rest is the configuration"
    assert one["packages"] == [
        {"package": "anyio", "kind": "python", "what": "added", "before": [], "after": ["4.9.0"]},
        {"package": "starlette", "kind": "python", "what": "changed", "before": ["0.49.0"], "after": ["0.49.1"]},
    ]
    assert (one["scans_compared"], one["new"], one["fixed"]) == (True, [], [MENDED])
    assert one["licences"] == {"MIT": ["anyio"]}


def test_the_comment_is_in_the_jobs_summary_too(shop: Small) -> None:
    told(shop)
    comment = (shop.root / "dist/delta.md").read_text()
    assert f"| {CVE} | fixed | HIGH | starlette 0.49.0 | 0.49.1 |  |" in comment
    assert "| starlette | python | changed | 0.49.0 | 0.49.1 |" in comment
    assert comment in (shop.root / "summary").read_text()


def test_the_same_images_and_none_before(shop: Small, tmp_path: Path) -> None:
    """The release's results against themselves, and with nothing before them."""
    run = told(shop, "--out", "v1", "--against", "v1/release.json", "--output", str(tmp_path / "same.md"))
    assert [one["state"] for one in run["services"]] == ["same"]
    assert "web</code>: the same image" in (tmp_path / "same.md").read_text()
    first = told(shop, "--out", "v1")
    assert first["against"]["releases"] == [], "a run is not compared with itself"
    assert [one["state"] for one in first["services"]] == ["new"]
    assert "there is no release of local at" in (shop.root / "v1/delta.md").read_text()


def test_what_cannot_be_compared(shop: Small, tmp_path: Path) -> None:
    shop.prepared.append(without_pauses)
    for arguments, code, said in (
        (["--against", "v9.9.9"], 5, f"no release record v9.9.9 at {REGISTRY}/{shop.registry.prefix}".rstrip("/")),
        (["--against", "away"], 5, NOBODY),
        (["--against", "dist/release.json"], 3, "has published nothing: its state is 'signed'"),
        (["--against", "local", "--env", "away"], 2, "--env and an environment in --against name two registries"),
        (["--out", str(tmp_path)], 3, "no release record can be read from"),
    ):
        done = shop.sealift("delta", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert said in " ".join(done.stderr.split())
    (shop.root / "v1/reports/web/linux-amd64/manifest.json").write_text("{}")
    done = shop.sealift("delta", "--out", "v1")
    assert done.returncode == 3
    assert "manifest.json is of another image than" in done.stderr


def test_a_run_that_cannot_be_compared_is_judged_all_the_same(shop: Small) -> None:
    shop.prepared.append(without_pauses)
    done = shop.sealift("build-all", "--no-push", "--out", "elsewhere", "--delta", "away")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not compared with the last release: " in done.stderr
    assert "Not compared: localhost" in (shop.root / "elsewhere/delta.md").read_text()
    done = shop.sealift("build-all", "--no-push", "--out", "elsewhere", "--delta", "prdo")
    assert done.returncode == 3, "before anything is built"
    assert "'prdo' is no environment (local, away), no file" in done.stderr
