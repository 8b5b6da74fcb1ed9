"""What a run may release: the chosen services and versions against what git says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.config import Config, Origin, Settings, TagRule, with_needed
from pipelines.errors import ConfigError
from pipelines.git import GitFacts
from pipelines.versions import Scope


def check_commit(settings: Settings, facts: GitFacts) -> None:
    if settings.git_sha is not None and not facts.commit.startswith(settings.git_sha.lower()):
        raise ConfigError(
            f"GIT_SHA is {settings.git_sha}, but the checked-out commit is {facts.commit}",
            remedy="check out the commit that is to be released, or unset GIT_SHA",
            step="plan",
        )


def check_git_tags(scope: Scope, facts: GitFacts) -> None:
    """:raises ConfigError: changes that are not committed, or a git tag of the release at another commit."""
    for git_tag in scope.git_tags:
        _check_clean(git_tag, facts)
        _check_place(git_tag, facts)


def _check_clean(git_tag: str, facts: GitFacts) -> None:
    """A version names a commit for good: nothing else may be published under it."""
    if facts.dirty:
        first, more = min(facts.dirty), len(facts.dirty) - 1
        raise ConfigError(
            f"{git_tag} cannot be released with changes that are not committed: {first!r}"
            + (f" and {more} more" if more else ""),
            remedy="commit or stash the changes ('git status' lists them), or rehearse with --env local",
            step="plan",
        )


def _check_place(git_tag: str, facts: GitFacts) -> None:
    if git_tag in facts.elsewhere:
        raise ConfigError(
            f"the git tag {git_tag} is at another commit than {facts.short}, which is checked out",
            remedy=f"'git checkout {git_tag}', or release another version",
            step="plan",
        )


def check_depth(services: Sequence[str]) -> None:
    """:raises ConfigError: if there are services whose last change is beyond the edge of a shallow clone."""
    if services:
        raise ConfigError(
            f"the clone is shallow: which commit last changed {', '.join(services)} is beyond its edge",
            remedy="'git fetch --unshallow --tags'; in GitHub Actions set fetch-depth: 0 for actions/checkout",
            step="git",
        )


def chosen(settings: Settings) -> bool:
    """Whether the caller says which services."""
    return settings.origins["services"] in (Origin.ENVIRONMENT, Origin.FLAG)


def released(config: Config, settings: Settings, scope: Scope) -> tuple[str, ...]:
    """The services of the release and what they are built on, each after what it needs.

    :raises ConfigError: the caller names a service's version, and not the service, though nobody else builds that.
    """
    if not scope.own:
        return settings.services
    if not chosen(settings):
        return with_needed(config, tuple(scope.own))
    if settings.part:
        return settings.services
    if missing := set(scope.own) - set(settings.services):
        raise ConfigError(
            f"{', '.join(scope.git_tags)} releases {', '.join(sorted(missing))}, which is not among those chosen",
            remedy="leave --service and SEALIFT_SERVICES out, or name that service",
            step="plan",
        )
    return settings.services


def notes(settings: Settings, scope: Scope, facts: GitFacts, edge: Sequence[str]) -> Iterator[str]:
    """What whoever reads the plan should know of git.

    :param edge: services whose last change is beyond the edge of a shallow clone.
    """
    if scope.ignored:
        yield f"The commit has other version tags, which are not released now: {', '.join(scope.ignored)}."
    named = [tag for tag in scope.git_tags if tag not in facts.tags]
    if named:
        yield f"No git tag {', '.join(named)} is at this commit: the release can be traced by the commit only."
    by_branch = {TagRule.BRANCH, TagRule.BRANCH_SHA, TagRule.LATEST_ON_MAIN} & set(settings.tags)
    if facts.branch is None and by_branch and not (scope.git_tags or settings.explicit_tags or facts.started_by):
        yield "The head is detached: rules for branches give no tag."
    if edge:
        yield (
            f"The clone is shallow: which commit last changed {', '.join(edge)} cannot be told, and labels name its"
            " edge ('git fetch --unshallow --tags' gets the rest)."
        )


def unaffected(settings: Settings, names: Sequence[str]) -> Iterator[str]:
    """Which services the run leaves out because nothing of them changed."""
    if names:
        yield f"Not changed since {settings.since}, and left out: {', '.join(names)}."
