from __future__ import annotations

import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipelines.config import Flags, InvalidConfig, load, resolve
from pipelines.errors import ConfigError
from pipelines.gating import in_force
from pipelines.git import read_facts
from pipelines.model import Severity, Target
from pipelines.plan import Plan
from pipelines.planning import make_plan

if TYPE_CHECKING:
    from tests.unit.conftest import Git

NOW = datetime(2025, 2, 1, 9, 5, tzinfo=UTC)
OCI = "org.opencontainers.image."
CONFIG = """\
version: 1
project: shop
source: https://example.com/shop
licence: Apache-2.0
services:
  web:
    needs: {base: BASE_IMAGE}
    description: The shop's pages
    licence: MIT
    size_budget: 30MB
    platforms: [linux/amd64]
  base: {}
  jobs:
    context: tools
    dockerfile: tools/jobs.Dockerfile
    target: run
    args: {PYTHON: "3.13"}
    boot: null
environments:
  local:
    registry: localhost:5000
    tags: [dev, sha]
    policy: {severity: CRITICAL}
  prod:
    registry: ghcr.io
    prefix: shop/
    tag_prefix: r-
    tags: [semver, branch, sha]
    database: {max_age_hours: 24}
"""


@pytest.fixture
def shop(empty_git: Git) -> Git:
    """Three services, each last changed by a commit of its own, and a last commit that changed none of them."""
    empty_git.commit(
        "all",
        **{
            "sealift.yaml": CONFIG,
            "services__base__Dockerfile": "FROM python:3.11-slim\n",
            "services__web__Dockerfile": "ARG BASE_IMAGE=localhost:5000/base:dev\nFROM ${BASE_IMAGE}\n",
            "tools__jobs.Dockerfile": "ARG PYTHON=3.11\nFROM python:$PYTHON AS run\nFROM scratch\n",
        },
    )
    empty_git.commit("base", services__base__app="1")
    empty_git.commit("jobs", tools__app="1")
    empty_git.commit("readme", **{"README.md": "shop\n"})
    return empty_git


def plan_of(git: Git, flags: Flags | None = None, **environ: str) -> Plan:
    loaded = load(git.root, environ=environ)
    settings = resolve(loaded.config, environ=environ, flags=flags)
    return make_plan(git.root, loaded, settings, read_facts(git.root, environ=environ), now=NOW)


def commit(git: Git, message: str) -> str:
    return git("log", "--all", "--format=%H", f"--grep=^{message}$")


def test_a_service_comes_after_what_it_is_built_on(shop: Git) -> None:
    plan = plan_of(shop)
    assert [service.name for service in plan.services] == ["base", "jobs", "web"]
    assert plan.service("web").needs == {"base": "BASE_IMAGE"}
    with pytest.raises(KeyError):
        plan.service("other")


def test_what_the_configuration_says_of_a_service(shop: Git) -> None:
    plan = plan_of(shop, Flags(env="prod"))
    web, base, jobs = (plan.service(name) for name in ("web", "base", "jobs"))
    assert (jobs.context, jobs.dockerfile) == (PurePosixPath("tools"), PurePosixPath("jobs.Dockerfile"))
    assert (base.context, base.dockerfile) == (PurePosixPath("services/base"), PurePosixPath("Dockerfile"))
    assert web.bases == {"linux/amd64": "base"}
    assert base.bases == dict.fromkeys(base.platforms, "python:3.11-slim")
    assert set(jobs.bases.values()) == {"python:3.13"}
    assert [service.platforms for service in (web, base)] == [("linux/amd64",), ("linux/amd64", "linux/arm64")]
    assert [service.size_budget for service in (web, base)] == [30_000_000, 500_000_000]
    assert [str(service.repository) for service in (web, base)] == ["ghcr.io/shop/web", "ghcr.io/shop/base"]
    assert jobs.boot is None
    assert base.boot is not None
    assert base.boot.port == 8080


def test_the_environment_decides_the_rules(shop: Git) -> None:
    local, prod = plan_of(shop), plan_of(shop, Flags(env="prod"))
    assert (local.environment, local.targets) == ("local", (Target(registry="localhost:5000", insecure=True),))
    assert (local.rules.severity, local.rules.max_database_age_hours, local.rules.rehearsal) == (
        Severity.CRITICAL, 48, True,
    )  # fmt: skip
    assert (prod.environment, prod.targets) == ("prod", (Target(registry="ghcr.io", prefix="shop/"),))
    assert (prod.rules.severity, prod.rules.max_database_age_hours, prod.rules.rehearsal) == (Severity.HIGH, 24, False)


IGNORES = """\
version: 1
ignores:
  - {id: CVE-2025-1, package: zlib, reason: not reached, owner: backend, expires: 2025-02-01}
  - {id: CVE-2025-2, package: zlib, services: [web], reason: not reached, owner: backend, expires: 2025-02-01}
"""


@pytest.fixture
def ignoring(shop: Git) -> Git:
    """The shop, with two ignores for prod."""
    config = CONFIG.replace("    prefix: shop/\n", "    prefix: shop/\n    policy: {ignores: ignores.yaml}\n")
    shop.commit("ignore", **{"sealift.yaml": config, "ignores.yaml": IGNORES})
    return shop


def test_the_environments_ignores_are_in_the_plan(ignoring: Git) -> None:
    assert plan_of(ignoring).rules.ignores == ()
    plan = plan_of(ignoring, Flags(env="prod"))
    first, second = plan.rules.ignores
    assert (first.services, second.services) == (("web", "base", "jobs"), ("web",))
    assert [item["origin"] for item in plan.as_json()["gate"]["ignores"]] == ["ignores.yaml:3", "ignores.yaml:4"]


@pytest.mark.parametrize(
    ("flags", "whole"),
    [
        (Flags(env="prod"), [True, True]),
        (Flags(env="prod", services=("web",)), [False, True]),
        (Flags(env="prod", services=("jobs",)), [False, False]),
        (Flags(env="prod", platforms=("linux/amd64",)), [False, True]),
    ],
    ids=["all", "web", "jobs", "amd64"],
)
def test_only_a_plan_with_all_its_images_shows_that_an_ignore_is_stale(
    ignoring: Git, flags: Flags, whole: list[bool]
) -> None:
    assert [ignore.whole for ignore in plan_of(ignoring, flags).rules.ignores] == whole


def test_what_is_wrong_with_vex_hides_nothing_about_ignores(ignoring: Git) -> None:
    policy = "policy: {ignores: ignores.yaml, vex: [vex.json]}"
    config = (ignoring.root / "sealift.yaml").read_text().replace("policy: {ignores: ignores.yaml}", policy)
    for name, text in {"sealift.yaml": config, "vex.json": "{", "ignores.yaml": IGNORES.replace("zlib", "'*'")}.items():
        ignoring.write(name, text)
    with pytest.raises(InvalidConfig) as caught:
        plan_of(ignoring, Flags(env="prod"))
    assert [problem.source for problem in caught.value.problems] == ["ignores.yaml", "ignores.yaml", "vex.json"]


def test_the_rules_of_an_earlier_day_lose_what_has_expired_since(ignoring: Git) -> None:
    ignoring.write("ignores.yaml", IGNORES.replace("2025-02-01}\n  -", "2025-02-02}\n  -"))
    rules = plan_of(ignoring, Flags(env="prod")).rules
    assert [ignore.id for ignore in in_force(rules, today=date(2025, 2, 1)).ignores] == ["CVE-2025-1", "CVE-2025-2"]
    (left,) = in_force(rules, today=date(2025, 2, 2)).ignores
    assert (left.id, left.whole) == ("CVE-2025-1", False)


def test_an_ignore_that_has_expired_ends_the_plan(ignoring: Git) -> None:
    ignoring.write("ignores.yaml", IGNORES.replace("2025-02-01", "2025-01-31"))
    with pytest.raises(InvalidConfig) as caught:
        plan_of(ignoring, Flags(env="prod"))
    assert [problem.line for problem in caught.value.problems] == [3, 4]
    assert plan_of(ignoring).rules.ignores == ()


def test_the_revision_is_the_last_commit_that_touched_the_context(shop: Git) -> None:
    plan = plan_of(shop)
    assert plan.commit == commit(shop, "readme")
    assert {service.name: service.revision.commit for service in plan.services} == {
        "web": commit(shop, "all"),
        "base": commit(shop, "base"),
        "jobs": commit(shop, "jobs"),
    }


def test_labels(shop: Git) -> None:
    plan = plan_of(shop)
    assert plan.service("web").labels == {
        f"{OCI}title": "web",
        f"{OCI}source": "https://example.com/shop",
        f"{OCI}revision": commit(shop, "all"),
        f"{OCI}created": "2025-01-20T14:30:00Z",
        f"{OCI}licenses": "MIT",
        f"{OCI}version": commit(shop, "all")[:7],
        f"{OCI}description": "The shop's pages",
    }
    base = plan.service("base").labels
    assert base[f"{OCI}created"] == "2025-01-20T15:30:00Z"
    assert base[f"{OCI}licenses"] == "Apache-2.0"
    assert f"{OCI}description" not in base


def test_a_commit_elsewhere_changes_no_label(shop: Git) -> None:
    before = [service.labels for service in plan_of(shop).services]
    shop.commit("elsewhere", docs__x="x")
    assert [service.labels for service in plan_of(shop).services] == before


def test_only_the_touched_service_is_dirty(shop: Git) -> None:
    shop.write("services/base/new", "x")
    plan = plan_of(shop)
    assert plan.dirty
    assert {service.name: service.dirty for service in plan.services} == {"web": False, "base": True, "jobs": False}
    assert plan.service("base").labels[f"{OCI}revision"] == commit(shop, "base") + "-dirty"
    assert plan.service("web").labels[f"{OCI}revision"] == commit(shop, "all")
    # Tags name the release's commit, which is not what is built.
    assert [item.tag for item in plan.service("web").tags] == ["dev", f"{plan.commit[:7]}-dirty"]


def test_a_change_outside_every_service_is_dirt_of_the_release_only(shop: Git) -> None:
    shop.write("README.md", "changed")
    plan = plan_of(shop)
    assert plan.dirty
    assert not any(service.dirty for service in plan.services)


def test_tags_of_a_branch(shop: Git) -> None:
    assert [item.tag for item in plan_of(shop).service("web").tags] == ["dev", plan_of(shop).commit[:7]]
    shop("switch", "--quiet", "--create", "feature/login")
    tags = [item.tag for item in plan_of(shop, Flags(env="prod")).service("web").tags]
    assert tags == ["r-feature-login", f"r-{plan_of(shop).commit[:7]}"]


def test_the_version_comes_from_the_git_tag_at_the_commit(shop: Git) -> None:
    assert plan_of(shop).version is None
    shop("tag", "--annotate", "--message", "x", "v1.2.3")
    plan = plan_of(shop, Flags(env="prod"))
    assert plan.version == "v1.2.3"
    assert [item.tag for item in plan.service("web").tags][:3] == ["r-v1.2.3", "r-v1.2", "r-v1"]
    assert {service.labels[f"{OCI}version"] for service in plan.services} == {"v1.2.3"}
    shop.commit("later", x="x")
    assert plan_of(shop).version is None


def test_a_given_version_wins_over_the_git_tag(shop: Git) -> None:
    shop("tag", "v1.2.3")
    assert plan_of(shop, Flags(version="v2.0.0")).version == "v2.0.0"
    assert plan_of(shop, VERSION="3.0.0-rc.1").version == "v3.0.0-rc.1"


@pytest.mark.parametrize("flags", [Flags(env="prod"), Flags(env="prod", tags=("nightly",)), Flags(registry="ghcr.io")])
def test_a_version_is_released_from_what_is_committed(shop: Git, flags: Flags) -> None:
    shop("tag", "v1.2.3")
    assert plan_of(shop, flags).version == "v1.2.3"
    shop.write("new", "x")
    shop.write("README.md", "changed")
    with pytest.raises(ConfigError, match=r"v1\.2\.3 cannot be released .*: 'README\.md' and 1 more") as caught:
        plan_of(shop, flags)
    assert "commit or stash" in caught.value.remedy


def test_a_given_version_needs_a_clean_tree_too(shop: Git) -> None:
    shop.write("services/base/new", "x")
    with pytest.raises(ConfigError, match=r"v2\.0\.0 cannot be released"):
        plan_of(shop, Flags(env="prod", version="v2.0.0"))


def test_a_rehearsal_of_a_version_may_be_dirty(shop: Git) -> None:
    shop.write("sealift.yaml", CONFIG.replace("tags: [dev, sha]", "tags: [semver, sha]"))
    plan = plan_of(shop, Flags(version="v1.2.3"))
    assert plan.dirty
    assert [item.tag for item in plan.service("web").tags] == [
        "v1.2.3", "v1.2", "v1", f"{plan.commit[:7]}-dirty",
    ]  # fmt: skip


def test_a_dirty_tree_without_a_version_goes_under_dirty_tags(shop: Git) -> None:
    shop.write("README.md", "changed")
    plan = plan_of(shop, Flags(env="prod"))
    assert [item.tag for item in plan.service("web").tags] == ["r-main", f"r-{plan.commit[:7]}-dirty"]


def test_a_base_may_differ_between_platforms(shop: Git) -> None:
    shop.commit("arch", services__base__Dockerfile="FROM img:${TARGETARCH}\n")
    base = plan_of(shop).service("base")
    assert base.bases == {"linux/amd64": "img:amd64", "linux/arm64": "img:arm64"}
    assert base.as_json()["bases"] == base.bases


def test_a_dockerfile_that_is_not_utf_8_is_named(shop: Git) -> None:
    (shop.root / "services/base/Dockerfile").write_bytes("# Größe\nFROM scratch\n".encode("latin-1"))
    with pytest.raises(InvalidConfig, match=r"services/base/Dockerfile:1: is not UTF-8 text"):
        plan_of(shop)


def test_what_no_dockerfile_can_build_is_told_for_all_services_at_once(shop: Git) -> None:
    config = (shop.root / "sealift.yaml").read_text()
    assert config.count("  base: {}") == 1
    shop.write("sealift.yaml", config.replace("  base: {}", "  base: {target: rutime}"))
    shop.write("services/base/Dockerfile", "FROM a:1 AS build\nFROM b:1 AS Runtime\nFROM c:1\n")
    shop.write("services/web/Dockerfile", "# nothing yet\n")
    with pytest.raises(InvalidConfig) as caught:
        plan_of(shop)
    assert [re.sub(r":\d+:\d+", "", str(problem)) for problem in caught.value.problems] == [
        "sealift.yaml services.base.target: services/base/Dockerfile has no stage 'rutime'; did you mean 'Runtime'?"
        " stages: build, Runtime, 2",
        "services/web/Dockerfile: has no FROM line: there is nothing to build",
    ]


@pytest.mark.parametrize("target", ["runtime", "RUNTIME", "1", "2"])
def test_a_target_is_a_name_in_any_case_or_a_number(shop: Git, target: str) -> None:
    config = (shop.root / "sealift.yaml").read_text()
    shop.write("sealift.yaml", config.replace("  base: {}", f"  base: {{target: '{target}'}}"))
    shop.write("services/base/Dockerfile", "FROM a:1 AS build\nFROM b:1 AS Runtime\nFROM c:1\n")
    assert plan_of(shop).service("base").target == target


def test_explicit_tags_are_taken_as_they_are(shop: Git) -> None:
    shop("tag", "v1.2.3")
    plan = plan_of(shop, Flags(env="prod", tags=("nightly", "x")))
    for service in plan.services:
        assert [(item.tag, item.reason) for item in service.tags] == [
            ("nightly", "named by the caller"),
            ("x", "named by the caller"),
        ]


def test_the_commit_that_was_asked_for_must_be_checked_out(shop: Git) -> None:
    head = commit(shop, "readme")
    assert plan_of(shop, GIT_SHA=head[:10].upper()).commit == head
    other = commit(shop, "base")
    with pytest.raises(ConfigError, match=f"GIT_SHA is {other}, but the checked-out commit is {head}") as caught:
        plan_of(shop, GIT_SHA=other)
    assert "unset GIT_SHA" in str(caught.value)


def test_a_service_that_was_never_committed_has_the_checked_out_commit(shop: Git) -> None:
    shop.write("sealift.yaml", CONFIG.replace("  base: {}\n", "  base: {}\n  new: {}\n"))
    shop.write("services/new/Dockerfile", "FROM scratch\n")
    new = plan_of(shop).service("new")
    assert (new.revision.commit, new.dirty, set(new.bases.values())) == (commit(shop, "readme"), True, {None})
    assert new.labels[f"{OCI}revision"].endswith("-dirty")


def test_why_a_service_is_in_the_plan(shop: Git) -> None:
    assert {service.reason for service in plan_of(shop).services} == {"every service is released"}
    reasons = {service.name: service.reason for service in plan_of(shop, Flags(services=("web",))).services}
    assert reasons == {"base": "needed by web", "web": "selected"}


def test_a_chosen_platform_is_the_only_one(shop: Git) -> None:
    plan = plan_of(shop, Flags(services=("base",), platforms=("linux/arm64",)))
    assert [service.platforms for service in plan.services] == [("linux/arm64",)]


def test_the_plan_as_json_shows_what_is_released_and_no_secret(shop: Git) -> None:
    shop.commit(
        "secret", **{"sealift.yaml": CONFIG.replace("    boot: null\n", "    secrets: {npm: env://NPM_TOKEN}\n")}
    )
    document = plan_of(shop, Flags(env="prod"), NPM_TOKEN="hunter2").as_json()
    jobs = next(service for service in document["services"] if service["name"] == "jobs")
    assert jobs["secrets"] == ["npm"]
    assert "NPM_TOKEN" not in str(document)
    assert "hunter2" not in str(document)
    assert document["origins"]["environment"] == "flag"
    assert document["gate"]["severity"] == "HIGH"
    assert jobs["dockerfile"] == "tools/jobs.Dockerfile"


def test_planning_needs_no_git_command_and_no_network(shop: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the plan started something")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    assert len(plan_of(shop).services) == 3


def test_a_git_tag_of_one_service_releases_that_one_and_examines_what_it_is_built_on(shop: Git) -> None:
    shop("tag", "web/v1.2.3")
    plan = plan_of(shop, Flags(env="prod"))
    assert [(service.name, service.published, service.version) for service in plan.services] == [
        ("base", False, None),
        ("web", True, "v1.2.3"),
    ]
    web, base = plan.service("web"), plan.service("base")
    assert [item.tag for item in web.tags][:3] == ["r-v1.2.3", "r-v1.2", "r-v1"]
    assert (web.reason, web.labels[f"{OCI}version"]) == ("released as web/v1.2.3", "v1.2.3")
    assert (base.reason, base.tags) == ("needed by web", ())
    assert (plan.version, [service.name for service in plan.published]) == (None, ["web"])


def test_a_version_of_one_service_can_be_named(shop: Git) -> None:
    plan = plan_of(shop, Flags(env="prod", version="base/1.2.3"))
    assert [service.name for service in plan.services] == ["base"]
    assert plan.notes == (
        "No git tag base/v1.2.3 is at this commit: the release can be traced by the commit only.",
        "No lock pins docker.io/library/python:3.11-slim: 'sealift lock' makes one.",
    )
    with pytest.raises(ConfigError, match=r"base/v1\.2\.3 releases base, which is not among those chosen"):
        plan_of(shop, Flags(env="prod", version="base/v1.2.3", services=("jobs",)))
    with pytest.raises(InvalidConfig, match="no such service: 'bse'; did you mean 'base'"):
        plan_of(shop, Flags(version="bse/v1.2.3"))
    # Whoever builds a part of it leaves the rest to others.
    part = plan_of(shop, Flags(env="prod", version="base/1.2.3", services=("jobs",), part=True))
    assert [service.name for service in part.services] == ["jobs"]


def test_services_that_are_chosen_are_all_released(shop: Git) -> None:
    shop("tag", "web/v1.2.3")
    plan = plan_of(shop, Flags(env="prod", services=("web",)))
    assert [(service.name, service.published) for service in plan.services] == [("base", True), ("web", True)]


def test_a_version_is_released_from_its_own_commit(shop: Git) -> None:
    shop("tag", "v1.2.3", "HEAD~1")
    with pytest.raises(ConfigError, match=r"the git tag v1\.2\.3 is at another commit than [0-9a-f]{7}") as caught:
        plan_of(shop, Flags(env="prod", version="v1.2.3"))
    assert "'git checkout v1.2.3'" in caught.value.remedy
    assert plan_of(shop, Flags(version="v1.2.3")).version == "v1.2.3", "a rehearsal may"


def test_what_git_cannot_tell_is_said(shop: Git, tmp_path: Path) -> None:
    shop("switch", "--quiet", "--detach")
    unpinned = (
        "No lock pins docker.io/library/python:3.11-slim, docker.io/library/python:3.13: 'sealift lock' makes one.",
    )
    assert plan_of(shop).notes == unpinned
    assert plan_of(shop, Flags(env="prod")).notes == (
        "The head is detached: rules for branches give no tag.",
        *unpinned,
    )
    shop("tag", "v1.2.3")
    shop("tag", "v1.2.2")
    shop("tag", "web/v1.0.0")
    assert plan_of(shop, Flags(env="prod")).notes == (
        "The commit has other version tags, which are not released now: v1.2.2, web/v1.0.0.",
        *unpinned,
    )


def test_a_version_is_not_released_from_the_edge_of_a_shallow_clone(shop: Git, tmp_path: Path) -> None:
    shop("tag", "v1.2.3")
    shop("clone", "--quiet", "--depth", "1", "--branch", "v1.2.3", f"file://{shop.root}", str(tmp_path / "clone"))
    clone = type(shop)(tmp_path / "clone")
    with pytest.raises(ConfigError, match="the clone is shallow: which commit last changed base, jobs, web") as caught:
        plan_of(clone, Flags(env="prod"))
    assert "fetch-depth: 0" in caught.value.remedy
    note, _ = plan_of(clone).notes
    assert note.startswith("The clone is shallow: which commit last changed base, jobs, web cannot be told")
    shop("clone", "--quiet", "--depth", "5", "--branch", "v1.2.3", f"file://{shop.root}", str(tmp_path / "deep"))
    assert plan_of(type(shop)(tmp_path / "deep"), Flags(env="prod")).version == "v1.2.3"
