from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from pipelines.config import TagRule
from pipelines.errors import ConfigError
from pipelines.git import GitFacts
from pipelines.tags import TagInputs, legal_tag, parse_version, slug, tags_for, version_of

COMMIT = "abc1234" + "0" * 33
NOW = datetime(2025, 1, 20, 14, 30, 59, tzinfo=UTC)


def inputs(
    *,
    branch: str | None = "main",
    tags: tuple[str, ...] = (),
    pull_request: int | None = None,
    version: str | None = None,
    dirty: bool = False,
    main_branch: str = "main",
) -> TagInputs:
    facts = GitFacts(commit=COMMIT, committed=NOW, branch=branch, tags=tags, pull_request=pull_request)
    return TagInputs(facts=facts, now=NOW, main_branch=main_branch, version=version, dirty=dirty)


# Rule, what it looks at, and every tag that it gives.
TABLE: list[tuple[TagRule, dict[str, Any], list[str]]] = [
    (TagRule.SEMVER, {"version": "v1.2.3"}, ["v1.2.3", "v1.2", "v1"]),
    (TagRule.SEMVER, {"version": "v0.0.0"}, ["v0.0.0", "v0.0", "v0"]),
    (TagRule.SEMVER, {"version": "v10.20.30"}, ["v10.20.30", "v10.20", "v10"]),
    (TagRule.SEMVER, {"version": "v1.3.0-rc.1"}, ["v1.3.0-rc.1"]),
    (TagRule.SEMVER, {"version": "v1.0.0-0"}, ["v1.0.0-0"]),
    (TagRule.SEMVER, {"version": None}, []),
    (TagRule.BRANCH, {}, ["main"]),
    (TagRule.BRANCH, {"branch": "feature/login"}, ["feature-login"]),
    (TagRule.BRANCH, {"branch": None}, []),
    (TagRule.BRANCH, {"branch": "feature/login", "pull_request": 7}, []),
    (TagRule.PULL_REQUEST, {"pull_request": 123}, ["pr-123"]),
    (TagRule.PULL_REQUEST, {}, []),
    (TagRule.SHA, {}, ["abc1234"]),
    (TagRule.SHA, {"dirty": True}, ["abc1234-dirty"]),
    (TagRule.BRANCH_SHA, {}, ["main-abc1234"]),
    (TagRule.BRANCH_SHA, {"branch": "a/b", "dirty": True}, ["a-b-abc1234-dirty"]),
    (TagRule.BRANCH_SHA, {"branch": None}, []),
    (TagRule.BRANCH_SHA, {"pull_request": 7}, []),
    (TagRule.DEV, {"branch": None}, ["dev"]),
    (TagRule.DATE, {}, ["20250120"]),
    (TagRule.DATETIME, {}, ["20250120-1430"]),
    (TagRule.LATEST_ON_MAIN, {}, ["latest"]),
    (TagRule.LATEST_ON_MAIN, {"branch": "other"}, []),
    (TagRule.LATEST_ON_MAIN, {"branch": "trunk", "main_branch": "trunk"}, ["latest"]),
    (TagRule.LATEST_ON_MAIN, {"dirty": True}, []),
    (TagRule.LATEST_ON_MAIN, {"pull_request": 7}, []),
    (TagRule.LATEST_ON_MAIN, {"branch": None}, []),
]


@pytest.mark.parametrize(("rule", "given", "expected"), TABLE)
def test_every_rule(rule: TagRule, given: dict[str, Any], expected: list[str]) -> None:
    if expected:
        assert [item.tag for item in tags_for([rule], inputs(**given))] == expected
    else:
        with pytest.raises(ConfigError, match=rf"none of the tag rules {rule.value} gives a tag for commit abc1234"):
            tags_for([rule], inputs(**given))


def test_the_table_has_every_rule() -> None:
    assert {rule for rule, _, expected in TABLE if expected} == set(TagRule)


def test_tags_come_in_the_order_of_the_rules_each_once_with_its_first_reason() -> None:
    found = tags_for([TagRule.BRANCH, TagRule.SHA, TagRule.DEV, TagRule.BRANCH], inputs(branch="dev"))
    assert [(item.tag, item.reason) for item in found] == [
        ("dev", "branch dev (rule branch)"),
        ("abc1234", "commit (rule sha)"),
    ]


def test_a_rule_that_gives_nothing_does_not_stop_the_others() -> None:
    found = tags_for([TagRule.SEMVER, TagRule.PULL_REQUEST, TagRule.SHA], inputs())
    assert [item.tag for item in found] == ["abc1234"]


def test_the_prefix_stands_before_every_tag() -> None:
    found = tags_for([TagRule.SEMVER, TagRule.SHA], inputs(version="v1.2.3"), prefix="staging-")
    assert [item.tag for item in found] == ["staging-v1.2.3", "staging-v1.2", "staging-v1", "staging-abc1234"]


def test_a_prefix_that_makes_a_tag_too_long_is_refused() -> None:
    branch = "b" * 100
    assert len(tags_for([TagRule.BRANCH], inputs(branch=branch), prefix="p" * 28)[0].tag) == 128
    with pytest.raises(ConfigError, match="is not an image tag") as caught:
        tags_for([TagRule.BRANCH], inputs(branch=branch), prefix="p" * 29)
    assert "shorter tag_prefix" in str(caught.value)


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        ("main", "main"),
        ("feature/login", "feature-login"),
        ("feature//x", "feature-x"),
        ("dependabot/npm_and_yarn/a-1.2.3", "dependabot-npm_and_yarn-a-1.2.3"),
        ("-x.", "x"),
        (".hidden", "hidden"),
        ("a;rm -rf $HOME", "a-rm--rf-HOME"),
        ("$(id)`id`", "id-id"),
        ("a\nb", "a-b"),
        ("grün", "gr-n"),
        ("日本語", "branch"),
        ("", "branch"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_branch_becomes_a_legal_tag(branch: str, expected: str) -> None:
    assert legal_tag(slug(branch)) == expected


@pytest.mark.parametrize(
    "text", ["x" * 129, "", "a b", "a;b", "$(id)", "`id`", "a&b", "a|b", "v1\n", "\nv1", ".v1", "-v1", "a+b"]
)
def test_illegal_tags_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not an image tag"):
        legal_tag(text)


def test_a_tag_of_128_characters_is_legal() -> None:
    assert legal_tag("x" * 128) == "x" * 128


@pytest.mark.parametrize(
    "text",
    ["1.2.3", "v1.2", "v1", "v01.2.3", "v1.2.3+build.5", "v1.2.3-rc.1+5", "v1.2.3-", "v1.2.3-01", "v1.2.3-a..b",
     "V1.2.3", "v1.2.3\n", " v1.2.3", "v1.2.3;id", "latest", "", "v1٢.0.0"],
)  # fmt: skip
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a version") as caught:
        parse_version(text)
    assert "vMAJOR.MINOR.PATCH" in str(caught.value)


def test_a_version_with_build_metadata_makes_no_tags() -> None:
    with pytest.raises(ConfigError, match="is not a version"):
        tags_for([TagRule.SEMVER], inputs(version="v1.2.3+build"))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ((), None),
        (("latest", "1.2.3", "v1", "v1.2.3+meta", "v1٢.0.0"), None),
        (("v1.2.3",), "v1.2.3"),
        (("v1.9.0", "v1.10.0", "other"), "v1.10.0"),
        (("v2.0.0-rc.1", "v2.0.0"), "v2.0.0"),
        (("v2.0.0", "v2.0.0-rc.1"), "v2.0.0"),
        (("v1.2.3", "v2.0.0-rc.1"), "v2.0.0-rc.1"),
        (("v2.0.0-beta", "v2.0.0-alpha"), "v2.0.0-beta"),
        (("v2.0.0-rc.9", "v2.0.0-rc.10"), "v2.0.0-rc.10"),
        (("v2.0.0-9", "v2.0.0-10"), "v2.0.0-10"),
        (("v2.0.0-rc9", "v2.0.0-rc10"), "v2.0.0-rc9"),
    ],
)
def test_the_highest_git_tag_that_is_a_version_is_the_version(tags: tuple[str, ...], expected: str | None) -> None:
    assert version_of(inputs(tags=tags).facts) == expected


def test_prereleases_are_ordered_as_semantic_versioning_has_it() -> None:
    # The example of semver.org, section 11.4.
    ordered = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    tags = [f"v1.0.0-{item}" for item in ordered] + ["v1.0.0"]
    for lower, higher in pairwise(tags):
        assert version_of(inputs(tags=(lower, higher)).facts) == higher
        assert version_of(inputs(tags=(higher, lower)).facts) == higher
