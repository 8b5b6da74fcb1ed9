"""The Dagger module, by `dagger call`, on a small repository."""

from __future__ import annotations

import json
import subprocess

from tests.scratch import TINY, Scratch, run


def test_the_module_gives_the_same_digests_and_builds_nothing_and_says_why_the_gate_refused(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.commit()
    assert scratch.sealift("build-all").returncode == 0
    done = scratch.dagger_call("build-all", "record")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["services"]["web"]["index"] == scratch.record()["services"]["web"]["index"]
    assert record["services"]["web"]["platforms"]["linux/amd64"]["cached"]
    built = scratch.dagger_call("build", "--service=web", "--platform=linux/amd64", "user")
    assert built.stdout.strip() == "1001:1001", built.stderr
    verified = scratch.dagger_call("verify", "--image=web:dev", "--max-scan-age=1d")
    assert outcomes(verified) == outcomes(scratch.sealift("verify", "--json", "--max-scan-age=1d", "web:dev"))
    rescanned = scratch.dagger_call("rescan", "--new-only")
    assert scans(rescanned) == scans(scratch.sealift("rescan", "--json", "--new-only"))
    parts = scratch.root.with_name("parts")
    exported = scratch.dagger_call("partial", "export", f"--path={parts}")
    assert exported.returncode == 0, exported.stderr
    assembled = scratch.dagger_call("assemble", f"--partials={parts}", "record")
    assert assembled.returncode == 0, assembled.stderr
    part = json.loads((parts / "partial.json").read_text())
    web = json.loads(assembled.stdout)["services"]["web"]
    assert web["index"] == record["services"]["web"]["index"]
    assert web["platforms"]["linux/amd64"]["made_by"]["run"] == part["run"]
    scratch.services["web"]["size_budget"] = "1MB"
    scratch.commit()
    refused = scratch.dagger_call("build-all", "--no-push", "summary")
    assert refused.returncode != 0
    assert "REFUSED by the gate" in refused.stderr
    assert "web linux/amd64 size:" in refused.stderr


def outcomes(verified: subprocess.CompletedProcess[str]) -> list[tuple[str, str, str]]:
    """Every check of `web`, which is good."""
    assert verified.returncode == 0, verified.stderr
    (image,) = json.loads(verified.stdout)
    assert image["service"] == "web"
    assert "ok" in {check["outcome"] for check in image["checks"]}
    return [(check["check"], check["about"], check["outcome"]) for check in image["checks"]]


def scans(rescanned: subprocess.CompletedProcess[str]) -> list[tuple[str, str, int]]:
    """Digest, platform and number of packages of what was scanned, of which nothing is found."""
    assert rescanned.returncode == 0, rescanned.stderr
    images = json.loads(rescanned.stdout)["images"]
    assert [(image["service"], image["passed"]) for image in images] == [("web", True)]
    return [(image["digest"], image["platform"], image["packages"]) for image in images]


def test_the_module_goes_on_from_a_release(scratch: Scratch) -> None:
    scratch.service("web", dockerfile=TINY, settings={"boot": None})
    prefix = scratch.registry.prefix
    given = {"registry": "localhost:5000", "tags": ["semver"]}
    scratch.extra["environments"] = {
        "local": {**given, "prefix": prefix, "database": {"allow_sample": True}},
        "prod": {**given, "prefix": f"{prefix}prod/"},
    }
    scratch.commit()
    assert run(["git", "tag", "v1.0.0"], cwd=scratch.root).returncode == 0
    assert scratch.sealift("build-all").returncode == 0
    index = scratch.record()["services"]["web"]["index"]
    promoted = scratch.dagger_call("promote", "--release=v1.0.0", "--from=local", "--to=prod", "record")
    assert promoted.returncode == 0, promoted.stderr
    assert json.loads(promoted.stdout)["services"]["web"]["index"] == index
    assert scratch.registry.digest("prod/web", "v1.0.0") == index
    resumed = scratch.dagger_call("resume", "--record=dist/release.json", "summary")
    assert "is published already" in resumed.stderr, resumed.stderr
    rendered = scratch.dagger_call("render", "--run=v1.0.0", "--service=web")
    assert f"web@{index}" in rendered.stdout, rendered.stderr
    rebuilt = scratch.dagger_call("rebuild", "--release=v1.0.0")
    assert "THE SAME" in rebuilt.stdout, rebuilt.stderr
    reproduced = scratch.dagger_call("reproduce", "--service=web")
    assert "THE SAME" in reproduced.stdout, reproduced.stderr
    compared = scratch.dagger_call(
        "build-all", "--no-push", "--delta=v1.0.0", "dist", "file", "--path=delta.md", "contents"
    )
    assert "v1.0.0" in compared.stdout, compared.stderr
    checked = scratch.dagger_call("lock-check")
    assert checked.returncode != 0
    assert "sealift.lock is OUT OF DATE: 'sealift lock' mends it." in checked.stderr
