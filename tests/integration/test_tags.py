"""Tags of releases, as a registry has them afterwards."""

from __future__ import annotations

from tests.scratch import REGISTRY, TINY, Scratch, run

LOCAL = {"registry": REGISTRY, "tags": ["semver", "latest-on-release"]}
ON_BASE = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY server.py /web.py\n"


def releasing(scratch: Scratch, version: str) -> str:
    """Change the service, commit, cut the git tag and release it; what was printed."""
    with (scratch.root / "services/web/server.py").open("a") as file:
        file.write(f"# {version}\n")
    scratch.commit()
    assert run(["git", "tag", version], cwd=scratch.root).returncode == 0
    done = scratch.sealift("build-all", "--no-scan")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_lines_move_forward_and_release_tags_never(scratch: Scratch) -> None:
    scratch.service("web", dockerfile=TINY, settings={"boot": None})
    scratch.extra["environments"] = {"local": LOCAL}
    releasing(scratch, "v1.1.0")
    newest = scratch.registry.digest("web", "v1.1.0")
    assert newest is not None
    assert {scratch.registry.digest("web", tag) for tag in ("v1.1", "v1", "latest")} == {newest}

    said = releasing(scratch, "v1.0.1")
    mended = scratch.registry.digest("web", "v1.0.1")
    assert scratch.registry.digest("web", "v1.0") == mended != newest
    assert {scratch.registry.digest("web", tag) for tag in ("v1.1", "v1", "latest")} == {newest}
    assert "v1 (stays: v1.1.0 is released)" in said
    assert scratch.moves("web")["latest"]["kept"] == "v1.1.0 is released"

    assert run(["git", "tag", "--delete", "v1.0.1"], cwd=scratch.root).returncode == 0
    before = scratch.registry.tags("web")
    refused = scratch.sealift("build-all", "--no-scan", "--version", "v1.1.0")
    assert refused.returncode == 5, refused.stdout
    assert f"v1.1.0 of web is {newest.removeprefix('sha256:')[:12]} (v1.1.0, " in refused.stderr
    assert "a release tag is never moved" in refused.stderr
    assert scratch.registry.tags("web") == before
    assert scratch.registry.digest("web", "v1.1.0") == newest


def test_a_git_tag_of_one_service_releases_that_one(scratch: Scratch) -> None:
    scratch.service("base", dockerfile=TINY, settings={"boot": None})
    scratch.service("web", dockerfile=ON_BASE, settings={"boot": None, "needs": {"base": "BASE_IMAGE"}})
    scratch.extra["environments"] = {"local": LOCAL}
    said = releasing(scratch, "web/v2.0.0")
    assert sorted(scratch.registry.tags("web")) == ["latest", "v2", "v2.0", "v2.0.0"]
    assert scratch.registry.tags("base") == []
    assert scratch.record()["services"]["base"]["index"] is None
    assert "base" in said

    with (scratch.root / "services/web/server.py").open("a") as file:
        file.write("# changed since\n")
    scratch.commit()
    done = scratch.sealift("build-all", "--no-scan", "--since", "web/v2.0.0", "--version", "v3.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "v3.0.0" in scratch.registry.tags("web")
    assert scratch.registry.tags("base") == []
    reasons = {service["name"]: service["reason"] for service in scratch.record()["plan"]["services"]}
    assert reasons == {"base": "needed by web", "web": "changed: services/web/server.py"}
    nothing = scratch.sealift("build-all", "--since", "HEAD")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "Nothing to do." in nothing.stderr
