"""What one run works with, as plain data, and where each setting came from. `resolve` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipelines.config.schema import Database, Policy, Retention, TagRule
from pipelines.config.signing import Signing
from pipelines.config.values import is_loopback
from pipelines.model import Platform, Tag, Target


class Origin(StrEnum):
    """Where a setting came from; later ones win."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the command line, or the caller of the Dagger module, gave. None and () mean: not given.

    :param part: the services are some of a release that others build the rest of.
    """

    env: str | None = None
    services: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    registry: str | None = None
    tags: tuple[str, ...] = ()
    jobs: int | None = None
    version: str | None = None
    git_sha: str | None = None
    image_pull_policy: str | None = None
    since: str | None = None
    part: bool = False


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a plan needs to know besides git and the services themselves.

    :param prefix: between registry and service name, as it is: `sealift/staging/`.
    :param insecure: plain HTTP. Always for a loopback registry, never for one that replaces the environment's own.
    :param also: further registries; none where the caller names the registry, which is then the only one.
    :param regions: where `replicate` copies releases to.
    :param when_tags_fail: `move-back` or `stop`.
    :param tags: rules that make tags; `explicit_tags` are given as they are, and not by a rule.
    :param tools: tool → image that is run, by its name in full.
    :param platforms: every platform of the run; a service is built for those of its own that are among them.
    :param services: the selected services and what they need, each after what it needs.
    :param version: with its `v`; behind `SERVICE/` if it is of one service only.
    :param password: address of the password, `env://DOCKER_PASSWORD` or as the variable says; never the password.
    :param since: revision; only services that changed since are released.
    :param part: the services are some of a release that others build the rest of.
    :param origins: field name → where its value came from.
    """

    environment: str
    registry: str
    prefix: str
    insecure: bool
    also: tuple[Target, ...]
    regions: tuple[Target, ...]
    when_tags_fail: str
    tag_prefix: str
    tags: tuple[TagRule, ...]
    explicit_tags: tuple[Tag, ...]
    policy: Policy
    database: Database
    signing: Signing
    retention: Retention
    tools: Mapping[str, str]
    platforms: tuple[Platform, ...]
    services: tuple[str, ...]
    version: str | None
    git_sha: str | None
    username: str | None
    password: str | None
    image_pull_policy: str
    since: str | None
    jobs: int
    origins: Mapping[str, Origin] = field(compare=False, repr=False)
    part: bool = False

    @property
    def rehearsal(self) -> bool:
        """Nothing leaves the machine. The environment's name alone says little: a caller can name a registry."""
        return self.environment == "local" and all(is_loopback(target.registry) for target in self.targets)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every registry that a release goes to; the first is the environment's own, or the caller's."""
        return (Target(registry=self.registry, prefix=self.prefix, insecure=self.insecure), *self.also)
