from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.config import Flags, load, resolve
from pipelines.config.bases import run_as
from pipelines.errors import ConfigError
from pipelines.git import read_facts
from pipelines.lock import Lock, Locked
from pipelines.plan import Plan
from pipelines.planning import make_plan

if TYPE_CHECKING:
    from datetime import datetime

    from tests.unit.conftest import Git, Samples

CONFIG: dict[str, Any] = {
    "version": 1,
    "project": "shop",
    "source": "https://example.com/shop",
    "services": {
        "base": {},
        "web": {"needs": {"base": "BASE"}},
        "site": {"needs": {"web": "WEB"}},
        "jobs": {"context": "tools", "dockerfile": "tools/jobs.Dockerfile"},
        "cron": {"context": "tools", "dockerfile": "tools/cron.Dockerfile"},
    },
    "environments": {"local": {"registry": "localhost:5000", "tags": ["dev"]}},
}


@pytest.fixture
def shop(empty_git: Git) -> Git:
    """Services that are built on each other, and two that share a context."""
    files = {f"services__{name}__Dockerfile": "FROM scratch\n" for name in ("base", "web", "site")}
    files |= {f"tools__{name}.Dockerfile": "FROM scratch\n" for name in ("jobs", "cron")}
    files |= {"tools__.dockerignore": "*.md\n", "sealift.yaml": json.dumps(CONFIG)}
    empty_git.commit("all", **files)
    empty_git("tag", "v1.0.0")
    return empty_git


def plan_since(git: Git, now: datetime, since: str = "v1.0.0", **flags: Any) -> Plan:
    loaded = load(git.root, environ={})
    settings = resolve(loaded.config, environ={}, flags=Flags(since=since, **flags))
    return make_plan(git.root, loaded, settings, read_facts(git.root, environ={}), now=now)


def reasons(plan: Plan) -> dict[str, str]:
    """Service → why it is released; those that stay are left out."""
    return {service.name: service.reason for service in plan.published}


def test_nothing_changed(shop: Git, samples: Samples) -> None:
    plan = plan_since(shop, samples.now)
    assert plan.services == ()
    assert plan.notes == ("Not changed since v1.0.0, and left out: base, jobs, cron, web, site.",)


def test_what_is_built_on_what_changed_is_reached(shop: Git, samples: Samples) -> None:
    shop.commit("app", services__base__app="1", services__base__lib="1")
    assert reasons(plan_since(shop, samples.now)) == {
        "base": "changed: services/base/app and 1 more",
        "web": "built on base, which changed",
        "site": "built on web, which changed",
    }


def test_what_a_reached_service_is_built_on_comes_along_and_stays(shop: Git, samples: Samples) -> None:
    shop.commit("page", services__site__page="1")
    plan = plan_since(shop, samples.now)
    assert reasons(plan) == {"site": "changed: services/site/page"}
    assert {service.name: (service.reason, service.tags) for service in plan.services if not service.published} == {
        "base": ("needed by web", ()),
        "web": ("needed by site", ()),
    }


def test_an_ignored_file_reaches_nothing_and_a_dockerfile_reaches_its_services(shop: Git, samples: Samples) -> None:
    shop.commit("docs", tools__README="1", **{"tools__notes.md": "1"})
    assert set(reasons(plan_since(shop, samples.now))) == {"jobs", "cron"}
    shop("tag", "docs")
    shop.commit("notes", **{"tools__notes.md": "2", "README.md": "1"})
    assert reasons(plan_since(shop, samples.now, "docs")) == {}


def test_what_is_not_committed_counts(shop: Git, samples: Samples) -> None:
    shop.write("services/web/new", "1")
    assert set(reasons(plan_since(shop, samples.now))) == {"web", "site"}


def test_a_file_that_is_gone_counts(shop: Git, samples: Samples) -> None:
    shop.commit("add", services__web__old="1")
    shop("tag", "with")
    (shop.root / "services/web/old").unlink()
    shop.commit("remove")
    assert set(reasons(plan_since(shop, samples.now, "with"))) == {"web", "site"}


def test_the_configuration_reaches_whom_it_is_about(shop: Git, samples: Samples) -> None:
    changed = json.loads(json.dumps(CONFIG))
    changed["services"]["jobs"]["args"] = {"A": "1"}
    changed["services"]["new"] = {}
    changed["environments"]["local"]["tags"] = ["dev", "sha"]
    shop.commit("config", **{"sealift.yaml": json.dumps(changed), "services__new__Dockerfile": "FROM scratch\n"})
    assert reasons(plan_since(shop, samples.now)) == {"jobs": "its configuration changed", "new": "it is new"}
    changed["platforms"] = ["linux/amd64"]
    shop.commit("platforms", **{"sealift.yaml": json.dumps(changed)})
    assert set(reasons(plan_since(shop, samples.now)).values()) == {"the configuration of all services changed"}


def test_before_there_was_a_configuration_everything_is_new(empty_git: Git, samples: Samples) -> None:
    empty_git.commit("nothing", x="x")
    empty_git("tag", "before")
    empty_git.commit(
        "all",
        **{
            "sealift.yaml": json.dumps({**CONFIG, "services": {"base": {}}}),
            "services__base__Dockerfile": "FROM scratch\n",
        },
    )
    plan = plan_since(empty_git, samples.now, "before")
    assert reasons(plan) == {"base": "there was no configuration that can be compared"}


def test_a_branch_counts_from_where_it_was_left(shop: Git, samples: Samples) -> None:
    shop("switch", "--quiet", "--create", "feature")
    shop.commit("mine", services__web__mine="1")
    shop("switch", "--quiet", "main")
    shop.commit("theirs", tools__theirs="1")
    shop("switch", "--quiet", "feature")
    assert set(reasons(plan_since(shop, samples.now, "main"))) == {"web", "site"}


@pytest.mark.parametrize("since", ["HEAD~1", "HEAD^", "refs/tags/v1.0.0", "annotated"])
def test_revisions_by_any_name(shop: Git, samples: Samples, since: str) -> None:
    shop("tag", "--annotate", "--message", "x", "annotated")
    shop.commit("mine", services__site__mine="1")
    assert set(reasons(plan_since(shop, samples.now, since))) == {"site"}


@pytest.mark.parametrize("since", ["nowhere", "0123456789", "HEAD~99", "a..b", "HEAD:sealift.yaml"])
def test_what_is_no_revision(shop: Git, samples: Samples, since: str) -> None:
    with pytest.raises(ConfigError, match="is no revision that has anything in common with") as caught:
        plan_since(shop, samples.now, since)
    assert "name a commit, branch or tag" in caught.value.remedy


def test_chosen_services_are_chosen_among_the_reached(shop: Git, samples: Samples) -> None:
    shop.commit("both", services__site__x="1", tools__x="1")
    assert set(reasons(plan_since(shop, samples.now, services=("jobs",)))) == {"jobs"}


def test_another_lock_reaches_what_is_built_on_images(shop: Git, samples: Samples) -> None:
    shop.write("services/base/Dockerfile", "FROM python:3.11-slim\n")
    shop.commit("base")
    shop("tag", "v1.1.0")
    lock = Lock(
        project="shop",
        bases={"docker.io/library/python:3.11-slim": locked("docker.io/library/python:3.11-slim", samples)},
        tools={tool: locked(image, samples) for tool, image in run_as({}).items()},
    )
    shop.commit("lock", **{"sealift.lock": lock.text()})
    assert reasons(plan_since(shop, samples.now, since="v1.1.0")) == {
        "base": "changed: sealift.lock",
        "web": "built on base, which changed",
        "site": "built on web, which changed",
    }


def locked(name: str, samples: Samples) -> Locked:
    there = (samples.amd64, samples.arm64)
    return Locked(name=name, index=samples.digest(name), platforms=dict.fromkeys(there, samples.digest("x")))
