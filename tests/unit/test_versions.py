from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from pipelines.errors import ConfigError
from pipelines.git import GitFacts
from pipelines.versions import Scope, parse, scope_of

NOW = datetime(2025, 1, 20, 14, 30, tzinfo=UTC)
SERVICES = ("aidb", "web")


def facts(*tags: str, started_by: str | None = None) -> GitFacts:
    return GitFacts(commit="c" * 40, committed=NOW, tags=tags, started_by=started_by)


@pytest.mark.parametrize(
    "text",
    ["1.2.3", "v1.2", "v1", "v01.2.3", "v1.2.3+build.5", "v1.2.3-rc.1+5", "v1.2.3-", "v1.2.3-01", "v1.2.3-a..b",
     "V1.2.3", "v1.2.3\n", " v1.2.3", "v1.2.3;id", "latest", "", "v1٢.0.0", "vv1.2.3"],
)  # fmt: skip
def test_what_is_no_version(text: str) -> None:
    assert parse(text) is None


def test_prereleases_are_ordered_as_semantic_versioning_has_it() -> None:
    # The example of semver.org, section 11.4.
    ordered = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    for lower, higher in pairwise([*(f"v1.0.0-{item}" for item in ordered), "v1.0.0"]):
        assert scope_of(None, facts(lower, higher), SERVICES).version == higher
        assert scope_of(None, facts(higher, lower), SERVICES).version == higher


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ((), None),
        (("latest", "1.2.3", "v1", "v1.2.3+meta", "v1٢.0.0"), None),
        (("v1.2.3",), "v1.2.3"),
        (("v1.9.0", "v1.10.0", "other"), "v1.10.0"),
        (("v2.0.0-rc.1", "v2.0.0"), "v2.0.0"),
        (("v1.2.3", "v2.0.0-rc.1"), "v2.0.0-rc.1"),
        (("v2.0.0-9", "v2.0.0-10"), "v2.0.0-10"),
        (("v2.0.0-rc9", "v2.0.0-rc10"), "v2.0.0-rc9"),
    ],
)
def test_the_highest_git_tag_that_is_a_version_is_the_version(tags: tuple[str, ...], expected: str | None) -> None:
    assert scope_of(None, facts(*tags), SERVICES).version == expected


def test_the_others_at_the_commit_are_named() -> None:
    scope = scope_of(None, facts("aidb/v1.0.0", "v1.2.3", "v1.2.2", "other"), SERVICES)
    assert scope == Scope(version="v1.2.3", git_tags=("v1.2.3",), ignored=("v1.2.2", "aidb/v1.0.0"))
    assert scope.of("aidb") == scope.of("web") == "v1.2.3"


def test_a_git_tag_of_one_service_releases_that_one() -> None:
    scope = scope_of(None, facts("aidb/v1.2.3", "other/v9.0.0", "aidb/latest"), SERVICES)
    assert scope == Scope(own={"aidb": "v1.2.3"}, git_tags=("aidb/v1.2.3",))
    assert (scope.of("aidb"), scope.of("web")) == ("v1.2.3", None)
    both = scope_of(None, facts("aidb/v1.2.3", "web/v2.0.0"), SERVICES)
    assert both.own == {"aidb": "v1.2.3", "web": "v2.0.0"}


def test_two_versions_of_one_service_are_the_callers_to_choose() -> None:
    with pytest.raises(ConfigError, match=r"two versions of aidb: v1\.2\.3 and v1\.2\.4") as caught:
        scope_of(None, facts("aidb/v1.2.3", "aidb/v1.2.4"), SERVICES)
    assert "--version aidb/v1.2.4" in str(caught.value)


def test_the_git_tag_that_started_the_run_goes_before_those_at_the_commit() -> None:
    assert scope_of(None, facts("v1.2.3", "v1.2.4", started_by="v1.2.3"), SERVICES).version == "v1.2.3"
    assert scope_of(None, facts("v1.2.3", started_by="aidb/v1.0.0"), SERVICES).own == {"aidb": "v1.0.0"}
    assert scope_of(None, facts("v1.2.3", started_by="nightly"), SERVICES) == Scope()


def test_what_the_caller_names_goes_before_all() -> None:
    assert scope_of("v9.0.0", facts("v1.2.3", started_by="v1.2.3"), SERVICES).version == "v9.0.0"
    assert scope_of("web/v9.0.0", facts("v1.2.3"), SERVICES).own == {"web": "v9.0.0"}
