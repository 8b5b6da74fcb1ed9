"""What would be built, under which tags, where it would go and why: plain data. `planning` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from pipelines.config.schema import Boot
from pipelines.git import Revision
from pipelines.ignores import Ignore
from pipelines.lock import Lock
from pipelines.model import Digest, Platform, Repository, Severity, Target
from pipelines.tags import TagReason, Wanted
from pipelines.vex import Vex


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The gate's rules for one environment.

    :param severity: findings of this severity or above stop the release.
    :param rehearsal: nothing leaves the machine: no scan, a sample database or rebuilt bases are said, not refused.
    :param allow_licences: if there are any, a package needs one of these; else, any but those of `deny_licences`.
    :param vex: what the scanner is told of vulnerabilities that do not affect what they are in.
    :param ignores: what does not stop it for a time.
    """

    severity: Severity
    only_fixed: bool
    max_layers: int
    allow_root: bool
    max_database_age_hours: int
    rehearsal: bool
    allow_licences: tuple[str, ...] = ()
    deny_licences: tuple[str, ...] = ()
    vex: tuple[Vex, ...] = ()
    ignores: tuple[Ignore, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServicePlan:
    """One service of the release.

    :param context: build context from the root; `dockerfile` is relative to it.
    :param needs: service → build argument that receives the reference of its image.
    :param size_budget: compressed bytes per platform.
    :param bases: platform → image that the built stage stands on, or the name of a service of `needs`; None for
        `scratch`.
    :param pins: image as its Dockerfile has it → the digest that it is built on, where the lock or the Dockerfile
        itself says one.
    :param version: that this service is released under, which may be its own.
    :param published: false for what only another service of the release is built on: it is examined, and stays.
    """

    name: str
    context: PurePosixPath
    dockerfile: PurePosixPath
    target: str | None
    args: Mapping[str, str]
    secrets: Mapping[str, str]
    platforms: tuple[Platform, ...]
    needs: Mapping[str, str]
    boot: Boot | None
    size_budget: int
    bases: Mapping[Platform, str | None]
    labels: Mapping[str, str]
    revision: Revision
    dirty: bool
    repository: Repository
    tags: tuple[TagReason, ...]
    reason: str
    version: str | None = None
    published: bool = True
    pins: Mapping[str, Digest] = field(default_factory=dict)

    @property
    def wanted(self) -> Wanted:
        """Its tags, as they are judged."""
        return Wanted(service=self.name, tags=self.tags, version=self.version, committed=self.revision.committed)

    def as_json(self) -> dict[str, Any]:
        """For `plan --json` and the release record."""
        return {
            "name": self.name,
            "reason": self.reason,
            "context": str(self.context),
            "dockerfile": str(self.context / self.dockerfile),
            "target": self.target,
            "args": dict(self.args),
            "secrets": sorted(self.secrets),
            "platforms": list(self.platforms),
            "needs": dict(self.needs),
            "bases": dict(self.bases),
            "pins": dict(self.pins),
            "revision": self.revision.commit,
            "dirty": self.dirty,
            "repository": str(self.repository),
            "version": self.version,
            "published": self.published,
            "tags": [{"tag": item.tag, "kind": item.kind, "reason": item.reason} for item in self.tags],
            "size_budget": self.size_budget,
            "boot": self.boot.model_dump(include={"port", "path", "timeout"}) if self.boot else None,
        }


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole release, in an order in which every service comes after those it is built on.

    :param targets: the registries that it goes to, all or none; the first is the one that people are told to pull from.
    :param move_back: whether tags that have moved are moved back when one cannot be moved.
    :param since: the revision since which services changed, where only these are released; there may be none then.
    :param tag_prefix: before every tag, as in `staging-v1.2.3`.
    :param version: of all services; None if the release has none, or only some services have one of their own.
    :param lock: the repository's `sealift.lock`; None if it has none.
    :param notes: what whoever reads the plan should know, in words.
    """

    project: str
    environment: str
    targets: tuple[Target, ...]
    origins: Mapping[str, str]
    commit: str
    committed: datetime
    dirty: bool
    version: str | None
    services: tuple[ServicePlan, ...]
    rules: Rules
    database: str
    database_sample: bool
    jobs: int
    image_pull_policy: str
    move_back: bool = True
    since: str | None = None
    tag_prefix: str = ""
    notes: tuple[str, ...] = ()
    lock: Lock | None = None

    @property
    def registry(self) -> str:
        """The host of the first target."""
        return self.targets[0].registry

    @property
    def published(self) -> tuple[ServicePlan, ...]:
        """The services that leave the machine."""
        return tuple(service for service in self.services if service.published)

    def service(self, name: str) -> ServicePlan:
        """:raises KeyError: if the plan has no such service."""
        return {service.name: service for service in self.services}[name]

    def as_json(self) -> dict[str, Any]:
        """For `plan --json` and the release record."""
        return {
            "project": self.project,
            "environment": self.environment,
            "registry": self.registry,
            "targets": [
                {"registry": item.registry, "prefix": item.prefix, "insecure": item.insecure} for item in self.targets
            ],
            "when_tags_fail": "move-back" if self.move_back else "stop",
            "origins": dict(self.origins),
            "commit": self.commit,
            "dirty": self.dirty,
            "version": self.version,
            "since": self.since,
            "tag_prefix": self.tag_prefix,
            "notes": list(self.notes),
            "lock": self.lock.digest if self.lock else None,
            "jobs": self.jobs,
            "image_pull_policy": self.image_pull_policy,
            "gate": {
                "severity": self.rules.severity.name,
                "only_fixed": self.rules.only_fixed,
                "max_layers": self.rules.max_layers,
                "allow_root": self.rules.allow_root,
                "database": self.database,
                "max_database_age_hours": self.rules.max_database_age_hours,
                "licences": {"allow": list(self.rules.allow_licences), "deny": list(self.rules.deny_licences)},
                "vex": [{"file": item.file, "digest": item.digest} for item in self.rules.vex],
                "ignores": [ignore.as_json() for ignore in self.rules.ignores],
            },
            "services": [service.as_json() for service in self.services],
        }
