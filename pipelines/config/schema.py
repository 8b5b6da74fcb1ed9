"""The shape of `sealift.yaml`, as pydantic models. Defaults live here and nowhere else.

Every model forbids unknown keys. Values that the field has a type for (platforms, severities, tags) are checked at the
edge, by `pipelines.config.types`; what concerns several keys is checked in `pipelines.config.check`. The models are
turned into the plain data of `pipelines.model` by `pipelines.plan`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import ByteSize, Field

from pipelines.config.bases import Bases, ToolName
from pipelines.config.signing import Signing
from pipelines.config.types import (
    TAG_PREFIX,
    URL_PATH,
    BuildArg,
    Flag,
    FormatOne,
    LicenceName,
    Line,
    Name,
    PlatformName,
    ServiceName,
    Strict,
    Text,
    Whole,
)


class TagRule(StrEnum):
    """Rules that turn git facts into image tags."""

    SEMVER = "semver"  # v1.2.3 → v1.2.3, v1.2, v1 (prereleases: only the full version)
    BRANCH = "branch"  # main
    PULL_REQUEST = "pr"  # pr-123
    SHA = "sha"  # abc1234
    BRANCH_SHA = "branch-sha"  # main-abc1234
    DEV = "dev"  # dev
    DATE = "date"  # 20250120
    DATETIME = "datetime"  # 20250120-1430
    LATEST_ON_MAIN = "latest-on-main"  # latest, on the main branch
    LATEST_ON_RELEASE = "latest-on-release"  # latest, for the highest stable release


class Boot(Strict):
    """How an image is started before it may leave: it must answer `GET path` with 200 to 399."""

    port: Whole = Field(default=8080, ge=1, le=65535, description="Port that the server listens on.")
    path: str = Field(default="/healthz", pattern=URL_PATH, description="Path of the health check.")
    timeout: Whole = Field(default=60, ge=1, le=600, description="Seconds until the health check must have passed.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment for the check only; no secrets.")


class Service(Strict):
    """One image."""

    context: Text | None = Field(default=None, description="Build context, from the root. Default: services/NAME.")
    dockerfile: Text | None = Field(
        default=None, description="Dockerfile, from the root, inside the context. Default: CONTEXT/Dockerfile."
    )
    target: Text | None = Field(default=None, description="Stage to build. Default: the last.")
    args: dict[BuildArg, str] = Field(default_factory=dict, description="Build arguments.")
    secrets: dict[str, str] = Field(
        default_factory=dict,
        description="Build secrets, id → where it is found: env://NAME, file://PATH, or another Dagger secret address.",
    )
    platforms: list[PlatformName] | None = Field(default=None, min_length=1, description="Default: the top level's.")
    needs: dict[ServiceName, BuildArg] = Field(
        default_factory=dict,
        description="Services whose image this one is built on, service → build argument that receives the reference.",
    )
    boot: Boot | None = Field(default_factory=Boot, description="null: the image is no server and is not started.")
    size_budget: ByteSize | None = Field(default=None, description="Compressed bytes per platform. Default: policy.")
    context_budget: ByteSize | None = Field(default=None, description="Bytes of the context. Default: the top level's.")
    licence: Line | None = Field(default=None, description="SPDX expression. Default: the top level's.")
    description: str | None = Field(default=None, description="For org.opencontainers.image.description.")


class Database(Strict):
    """The advisory database that the gate reads."""

    repository: str = Field(default="ghcr.io/aquasecurity/trivy-db:2", description="OCI artifact.")
    max_age_hours: Whole = Field(default=48, ge=1, le=720, description="Older than this is refused.")
    allow_sample: Flag = Field(
        default=False,
        description="Use the sample kept in the repository when no database can be reached. Local environment only.",
    )


class Licences(Strict):
    """Which licences a package may have, by SPDX identifier."""

    allow: list[LicenceName] = Field(
        default_factory=list, max_length=500, description="If any is named, a package needs one of these."
    )
    deny: list[LicenceName] = Field(default_factory=list, max_length=500, description="No package may need these.")


class Policy(Strict):
    """What an image must be to pass the gate."""

    severity: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] = Field(
        default="HIGH", description="A finding of this severity or above stops the release."
    )
    only_fixed: Flag = Field(default=False, description="Count only findings for which a fixed version exists.")
    size_budget: ByteSize = Field(default=ByteSize(500_000_000), description="Compressed bytes per platform.")
    max_layers: Whole = Field(default=40, ge=1, le=127, description="Layers that an image may have.")
    allow_root: Flag = Field(default=False, description="Accept images that run as user 0.")
    licences: Licences = Field(default_factory=Licences, description="Which licences a package may have.")
    vex: list[Text] = Field(default_factory=list, max_length=100, description="OpenVEX or CSAF, from the root.")
    ignores: Text | None = Field(default=None, description="File, from the root, of what may leave for a time.")
    max_scan_age_days: Whole | None = Field(default=None, ge=1, le=365, description="For 'sealift verify'.")


class Retention(Strict):
    """What 'sealift registry prune' keeps, besides what tags that move and deployments name."""

    keep_last: Whole | None = Field(
        default=None, ge=1, le=10_000, description="The highest versions of each service, and the latest releases."
    )
    keep_days: Whole | None = Field(default=None, ge=1, le=36_500, description="What is not older than this.")
    keep_patterns: list[Text] = Field(
        default_factory=list, max_length=100, description="What a tag that matches one of these globs names."
    )


class Destination(Strict):
    """One more registry that a release goes to."""

    registry: str = Field(description="host or host:port, without scheme and path.")
    prefix: str | None = Field(default=None, description="Put before the service's name. Default: the environment's.")
    insecure: Flag = Field(default=False, description="Plain HTTP. Loopback registries always are.")


class Environment(Strict):
    """Where a release goes, under which tags, and by which rules."""

    registry: str = Field(description="host or host:port, without scheme and path.")
    prefix: str | None = Field(default=None, description="Put before the service's name. Default: the top level's.")
    insecure: Flag = Field(default=False, description="Plain HTTP. Loopback registries always are.")
    also: list[Destination] = Field(
        default_factory=list, max_length=20, description="Further registries of each release: it reaches all or none."
    )
    regions: list[Destination] = Field(
        default_factory=list, max_length=50, description="Registries that 'sealift replicate' copies releases to."
    )
    when_tags_fail: Literal["move-back", "stop"] = Field(
        default="move-back",
        description="What to do with the tags that have moved when one cannot be moved: move them back, or leave them"
        " for 'sealift release resume'.",
    )
    tags: list[TagRule] | None = Field(default=None, min_length=1, description="Default: the top level's.")
    tag_prefix: str = Field(default="", pattern=TAG_PREFIX, description="Put before every tag: staging-v1.2.3.")
    policy: Policy | None = Field(default=None, description="Key by key over the top level's.")
    database: Database | None = Field(default=None, description="Key by key over the top level's.")
    signing: Signing | None = Field(default=None, description="Key by key over the top level's.")
    retention: Retention | None = Field(default=None, description="Key by key over the top level's.")


class Config(Strict):
    """The whole file."""

    version: FormatOne = Field(description="Version of this file's format.")
    project: Name = Field(description="Name of the project.")
    source: Text = Field(description="URL of the repository, for the label org.opencontainers.image.source.")
    licence: Line = Field(default="NOASSERTION", description="SPDX expression, for the images' labels.")
    context_budget: ByteSize = Field(
        default=ByteSize(500_000_000), description="Bytes that a build context may have, ignored files left out."
    )
    main_branch: Text = Field(default="main", description="Branch that moves `latest` under the rule latest-on-main.")
    prefix: str = Field(default="", description="Put before the service's name: {registry}/{prefix}{service}:{tag}.")
    platforms: list[PlatformName] = Field(
        default=["linux/amd64", "linux/arm64"], min_length=1, description="What every image is built for."
    )
    services: dict[ServiceName, Service] = Field(min_length=1, max_length=500, description="The images, by name.")
    environments: dict[Name, Environment] = Field(min_length=1, description="Where releases go, by name.")
    default_environment: Name = Field(default="local", description="The environment when none is chosen.")
    tags: list[TagRule] = Field(
        default=[
            TagRule.SEMVER,
            TagRule.LATEST_ON_RELEASE,
            TagRule.BRANCH,
            TagRule.PULL_REQUEST,
            TagRule.SHA,
            TagRule.BRANCH_SHA,
        ],
        min_length=1,
        description="Rules that make tags; a rule that does not apply makes none.",
    )
    policy: Policy = Field(default_factory=Policy)
    database: Database = Field(default_factory=Database)
    signing: Signing = Field(default_factory=Signing)
    retention: Retention = Field(default_factory=Retention)
    bases: Bases = Field(default_factory=Bases)
    tools: dict[ToolName, Text] = Field(
        default_factory=dict, description="Images that are run in place of a tool's own."
    )
