from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.config import TagRule
from pipelines.errors import ConfigError
from pipelines.git import GitFacts
from pipelines.model import Tag
from pipelines.tags import TagInputs, TagKind, explicit, in_line, kind_of, legal_tag, slug, tags_for
from pipelines.versions import parse

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
    (TagRule.LATEST_ON_RELEASE, {"version": "v1.2.3"}, ["latest"]),
    (TagRule.LATEST_ON_RELEASE, {"version": "v1.3.0-rc.1"}, []),
    (TagRule.LATEST_ON_RELEASE, {}, []),
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


def test_a_version_with_build_metadata_makes_no_tags() -> None:
    with pytest.raises(ConfigError, match="none of the tag rules semver"):
        tags_for([TagRule.SEMVER], inputs(version="v1.2.3+build"))


@pytest.mark.parametrize(
    ("tag", "prefix", "kind"),
    [
        ("v1.2.3", "", TagKind.RELEASE),
        ("v1.3.0-rc.1", "", TagKind.RELEASE),
        ("staging-v1.2.3", "staging-", TagKind.RELEASE),
        ("staging-v1.2.3", "", TagKind.FREE),
        ("v1.2", "", TagKind.LINE),
        ("v1", "", TagKind.LINE),
        ("latest", "", TagKind.LINE),
        ("staging-latest", "staging-", TagKind.LINE),
        ("v01", "", TagKind.FREE),
        ("v1.2.x", "", TagKind.FREE),
        ("main", "", TagKind.FREE),
        ("20250120", "", TagKind.FREE),
    ],
)
def test_the_kind_of_a_tag_is_in_its_name(tag: str, prefix: str, kind: TagKind) -> None:
    assert kind_of(tag, prefix) is kind
    assert explicit([Tag(tag)], prefix=prefix)[0].kind is kind


def test_the_latest_of_the_main_branch_is_judged_by_commits() -> None:
    (latest,) = tags_for([TagRule.LATEST_ON_MAIN], inputs(version="v1.2.3"))
    assert latest.kind is TagKind.NEWEST
    (latest,) = tags_for([TagRule.LATEST_ON_RELEASE], inputs(version="v1.2.3"))
    assert latest.kind is TagKind.LINE


@pytest.mark.parametrize(
    ("version", "tag", "expected"),
    [
        ("v1.2.3", "v1", True),
        ("v1.2.3", "v1.2", True),
        ("v1.2.3", "latest", True),
        ("v1.2.3", "v2", False),
        ("v1.2.3", "v1.3", False),
        ("v10.2.3", "v1", False),
        ("v1.2.3-rc.1", "v1", False),
        ("v1.2.3-rc.1", "latest", False),
        ("v1.2.3", "main", False),
        ("v0.0.1", "v0.0", True),
    ],
)
def test_which_versions_a_line_is_for(version: str, tag: str, expected: bool) -> None:
    parsed = parse(version)
    assert parsed is not None
    assert in_line(parsed, tag) is expected
    assert in_line(parsed, f"staging-{tag}", "staging-") is expected
