"""From git facts to image tags. Pure; no release history is read, so no tag here moves by comparison.

Versions follow Semantic Versioning 2.0.0. A `+` is legal there and illegal in an image tag: build metadata is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.config.schema import TagRule
from pipelines.errors import ConfigError
from pipelines.git import GitFacts
from pipelines.model import Tag

# semver.org's own expression, with the leading "v" that git tags carry, and without build metadata.
_VERSION = re.compile(
    r"v(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<pre>(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class TagReason:
    """A tag, and the rule and fact that it comes from, in words."""

    tag: Tag
    reason: str


@dataclass(frozen=True, kw_only=True)
class TagInputs:
    """What the rules may look at.

    :param version: a release version such as `v1.2.3`, given or from a git tag at the commit.
    :param dirty: the tree differs from the commit: tags that name a commit say so.
    """

    facts: GitFacts
    now: datetime
    main_branch: str
    version: str | None = None
    dirty: bool = False

    @property
    def short(self) -> str:
        return f"{self.facts.short}-dirty" if self.dirty else self.facts.short


def slug(branch: str) -> str:
    """A branch name as a tag: what a tag may not hold becomes `-` (`feature/login` → `feature-login`)."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", branch).strip(".-")[:100] or "branch"


def parse_version(text: str) -> re.Match[str]:
    """:raises ConfigError: if the text is no version with a leading "v"."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{text!r} is not a version",
            remedy="use vMAJOR.MINOR.PATCH, with -prerelease if it is one, for example v1.2.3 or v1.3.0-rc.1",
            step="tags",
        )
    return match


def version_of(facts: GitFacts) -> str | None:
    """The highest version that the commit's git tags give; None if none of them is a version."""
    matches = [match for tag in facts.tags if (match := _VERSION.fullmatch(tag))]
    return max(matches, key=_precedence)[0] if matches else None


def _precedence(match: re.Match[str]) -> tuple[int, int, int, bool, list[tuple[bool, int, str]]]:
    """Semantic Versioning 2.0.0, section 11: a release is above its own prereleases, and `rc.10` above `rc.9`."""
    identifiers = match["pre"].split(".") if match["pre"] else []
    pre = [(False, int(item), "") if item.isdecimal() else (True, 0, item) for item in identifiers]
    return int(match["major"]), int(match["minor"]), int(match["patch"]), not pre, pre


def _semver(inputs: TagInputs) -> list[tuple[str, str]]:
    if inputs.version is None:
        return []
    match = parse_version(inputs.version)
    full = [(inputs.version, f"version {inputs.version}")]
    if match["pre"]:
        return full
    return [
        *full,
        (f"v{match['major']}.{match['minor']}", f"minor line of {inputs.version}"),
        (f"v{match['major']}", f"major line of {inputs.version}"),
    ]


def _branch(inputs: TagInputs) -> list[tuple[str, str]]:
    branch = inputs.facts.branch
    return [(slug(branch), f"branch {branch}")] if branch and inputs.facts.pull_request is None else []


def _pull_request(inputs: TagInputs) -> list[tuple[str, str]]:
    number = inputs.facts.pull_request
    return [(f"pr-{number}", f"pull request {number}")] if number is not None else []


def _sha(inputs: TagInputs) -> list[tuple[str, str]]:
    return [(inputs.short, "commit" + (", with changes that are not committed" if inputs.dirty else ""))]


def _branch_sha(inputs: TagInputs) -> list[tuple[str, str]]:
    branch = inputs.facts.branch
    if not branch or inputs.facts.pull_request is not None:
        return []
    return [(f"{slug(branch)}-{inputs.short}", f"branch {branch} with commit")]


def _latest_on_main(inputs: TagInputs) -> list[tuple[str, str]]:
    on_main = inputs.facts.branch == inputs.main_branch and inputs.facts.pull_request is None and not inputs.dirty
    return [("latest", f"branch {inputs.main_branch}")] if on_main else []


_RULES: dict[TagRule, Callable[[TagInputs], list[tuple[str, str]]]] = {
    TagRule.SEMVER: _semver,
    TagRule.BRANCH: _branch,
    TagRule.PULL_REQUEST: _pull_request,
    TagRule.SHA: _sha,
    TagRule.BRANCH_SHA: _branch_sha,
    TagRule.DEV: lambda _: [("dev", "development tag")],
    TagRule.DATE: lambda inputs: [(f"{inputs.now:%Y%m%d}", "date of the run, UTC")],
    TagRule.DATETIME: lambda inputs: [(f"{inputs.now:%Y%m%d-%H%M}", "date and minute of the run, UTC")],
    TagRule.LATEST_ON_MAIN: _latest_on_main,
}


def tags_for(rules: Sequence[TagRule], inputs: TagInputs, *, prefix: str = "") -> tuple[TagReason, ...]:
    """The tags of a run, in the order of the rules, each once.

    :raises ConfigError: a tag would be illegal, or no rule gives one.
    """
    found: dict[str, str] = {}
    for rule in rules:
        for text, reason in _RULES[rule](inputs):
            found.setdefault(prefix + text, f"{reason} (rule {rule.value})")
    if not found:
        raise ConfigError(
            f"none of the tag rules {', '.join(rule.value for rule in rules)} gives a tag for commit {inputs.short}",
            remedy="cut a version tag, name one with --tag, or add a rule such as 'sha' to the environment's tags",
            step="tags",
        )
    return tuple(TagReason(tag=legal_tag(text), reason=reason) for text, reason in found.items())


def legal_tag(text: str) -> Tag:
    """:raises ConfigError: if the text is no legal image tag."""
    try:
        return Tag(text)
    except ValueError as error:
        raise ConfigError(str(error), remedy="choose another tag, or a shorter tag_prefix", step="tags") from None
