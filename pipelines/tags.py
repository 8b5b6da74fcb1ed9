"""From git facts to image tags, and what kind each of them is. Pure: `moves` decides over what a registry holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from semver import Version

from pipelines.config.schema import TagRule
from pipelines.errors import ConfigError
from pipelines.git import GitFacts
from pipelines.model import Tag
from pipelines.versions import parse, stable


class TagKind(StrEnum):
    """How a tag may move."""

    RELEASE = "release"
    """A whole version: names one image for good."""
    LINE = "line"
    """`latest`, `v1`, `v1.2`: moves to higher versions only."""
    NEWEST = "newest"
    """`latest` of the main branch: moves to later commits only."""
    FREE = "free"
    """A branch, a commit, a pull request, a date, `dev`: moves with every run."""


@dataclass(frozen=True, kw_only=True)
class TagReason:
    """A tag, and the rule and fact that it comes from, in words."""

    tag: Tag
    reason: str
    kind: TagKind = TagKind.FREE


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The tags that a release wants for one service, and what is known of it where they are judged.

    :param version: that the service is released under, if it is.
    :param committed: time of the commit that the service was made from.
    """

    service: str
    tags: tuple[TagReason, ...]
    version: str | None
    committed: datetime


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

    @property
    def parsed(self) -> Version | None:
        return parse(self.version) if self.version else None


def slug(branch: str) -> str:
    """A branch name as a tag: what a tag may not hold becomes `-` (`feature/login` → `feature-login`)."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", branch).strip(".-")[:100] or "branch"


_LINE = re.compile(r"latest|v(?P<major>0|[1-9][0-9]*)(?:\.(?P<minor>0|[1-9][0-9]*))?")


def kind_of(tag: str, prefix: str = "") -> TagKind:
    """The kind that a tag is by its name, whoever named it. `prefix` is the environment's own, as in `staging-v1.2`."""
    text = tag.removeprefix(prefix)
    if parse(text):
        return TagKind.RELEASE
    return TagKind.LINE if _LINE.fullmatch(text) else TagKind.FREE


def in_line(version: Version, tag: str, prefix: str = "") -> bool:
    """Whether a version is one of those that `latest`, `v1` or `v1.2` may name: no prerelease ever is."""
    line = _LINE.fullmatch(tag.removeprefix(prefix))
    if line is None or not stable(version):
        return False
    return all(line[part] is None or int(line[part]) == getattr(version, part) for part in ("major", "minor"))


def _semver(inputs: TagInputs) -> list[tuple[str, str]]:
    version = inputs.parsed
    if version is None:
        return []
    full = [(f"v{version}", f"version v{version}")]
    if not stable(version):
        return full
    return [
        *full,
        (f"v{version.major}.{version.minor}", f"minor line of v{version}"),
        (f"v{version.major}", f"major line of v{version}"),
    ]


def _latest_on_release(inputs: TagInputs) -> list[tuple[str, str]]:
    version = inputs.parsed
    return [("latest", f"version v{version}, if no higher one is released")] if version and stable(version) else []


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
    TagRule.LATEST_ON_RELEASE: _latest_on_release,
}


def tags_for(rules: Sequence[TagRule], inputs: TagInputs, *, prefix: str = "") -> tuple[TagReason, ...]:
    """The tags of a run, in the order of the rules, each once.

    :raises ConfigError: a tag would be illegal, or no rule gives one.
    """
    found: dict[str, TagReason] = {}
    for rule in rules:
        for text, reason in _RULES[rule](inputs):
            tag = legal_tag(prefix + text)
            kind = TagKind.NEWEST if rule is TagRule.LATEST_ON_MAIN else kind_of(tag, prefix)
            found.setdefault(tag, TagReason(tag=tag, reason=f"{reason} (rule {rule.value})", kind=kind))
    if not found:
        raise ConfigError(
            f"none of the tag rules {', '.join(rule.value for rule in rules)} gives a tag for commit {inputs.short}",
            remedy="cut a version tag, name one with --tag, or add a rule such as 'sha' to the environment's tags",
            step="tags",
        )
    return tuple(found.values())


def explicit(tags: Sequence[Tag], *, prefix: str = "") -> tuple[TagReason, ...]:
    """Tags that the caller names, as they are. Each is still of the kind that its name makes it."""
    return tuple(TagReason(tag=tag, reason="named by the caller", kind=kind_of(tag, prefix)) for tag in tags)


def legal_tag(text: str) -> Tag:
    """:raises ConfigError: if the text is no legal image tag."""
    try:
        return Tag(text)
    except ValueError as error:
        raise ConfigError(str(error), remedy="choose another tag, or a shorter tag_prefix", step="tags") from None
