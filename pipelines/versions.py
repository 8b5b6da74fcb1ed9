"""Versions of releases: Semantic Versioning 2.0.0 with the "v" that git tags carry, and which services a run releases.

Build metadata is not taken: it has a `+`, which no image tag may hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from semver import Version

from pipelines.errors import ConfigError
from pipelines.git import GitFacts


def parse(text: str) -> Version | None:
    """`v1.2.3` or `v1.3.0-rc.1`; None for any other text."""
    if not (text.startswith("v") and text.isascii()):
        return None
    try:
        version = Version.parse(text[1:])
    except ValueError:
        return None
    return None if version.build else version


def stable(version: Version) -> bool:
    """Whether it is no prerelease."""
    return not version.prerelease


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a run releases.

    :param version: of every service; None if the run releases no version, or only some services'.
    :param own: service → its own version, where git tags such as `aidb/v1.2.3` say so: only these are released.
    :param git_tags: the git tags that the versions come from, or are to be found under.
    :param ignored: git tags at the commit that ask for another release than this one.
    """

    version: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    git_tags: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def of(self, service: str) -> str | None:
        """The version that this service is released under."""
        return self.own.get(service, self.version)


def scope_of(given: str | None, facts: GitFacts, services: Collection[str]) -> Scope:
    """What is released: what the caller names, else the git tag that started the run, else the tags at the commit.

    Of several versions at the commit the highest counts; it goes before the versions of single services.

    :param given: `v1.2.3`, or `SERVICE/v1.2.3`.
    :raises ConfigError: two versions for one service at the commit.
    """
    named = given or facts.started_by
    if named is not None:
        service, _, version = named.rpartition("/")
        if service in services and parse(version):
            return Scope(own={service: version}, git_tags=(named,))
        return Scope(version=named, git_tags=(named,)) if parse(named) else Scope()
    single = [tag for tag in facts.tags if _single(tag, services)]
    if whole := {parsed: tag for tag in facts.tags if (parsed := parse(tag))}:
        highest = whole[max(whole)]
        ignored = (tag for tag in [*whole.values(), *single] if tag != highest)
        return Scope(version=highest, git_tags=(highest,), ignored=tuple(ignored))
    own: dict[str, str] = {}
    for tag in single:
        service, _, version = tag.rpartition("/")
        if service in own:
            raise ConfigError(
                f"the commit has two versions of {service}: {own[service]} and {version}",
                remedy=f"name the one to release: --version {tag}",
                step="plan",
            )
        own[service] = version
    return Scope(own=own, git_tags=tuple(single))


def _single(tag: str, services: Collection[str]) -> bool:
    service, _, version = tag.rpartition("/")
    return service in services and parse(version) is not None
