"""Plain data that every layer speaks: frozen, keyword-only, parsed at the edge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Self

from pipelines.errors import shown
from pipelines.invocation import Maker
from pipelines.predicates import ALWAYS

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The OCI distribution specification's grammar for repository names and tags.
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_HOST = re.compile(r"(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
# Go's names of the processors that Linux images are made for (image specification, "platform"), with their variants.
PLATFORM = (
    r"linux/(?:386|amd64(?:/v[1-4])?|arm(?:/v[5-8])?|arm64(?:/v[89])?"
    r"|loong64|mips(?:64)?(?:le)?|ppc64(?:le)?|riscv64|s390x)"
)


OCI = "org.opencontainers.image."
"""Prefix of the image specification's pre-defined annotation keys, used as labels too, as most builders do."""

VERSION = f"{OCI}version"
"""What an image is a version of, by itself: label and annotation."""

REBUILT_LABEL = "dev.sealift.rebuilt"
"""Label of base images that were assembled on a machine without access to the official ones."""


RECORDS = "releases"
"""Name of the repository, beside those of the services, that holds the release records."""


class Digest(str):
    """An OCI content digest, `sha256:` and 64 hexadecimal digits."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """:raises ValueError: if the text is no SHA-256 digest."""
        if not _DIGEST.fullmatch(value):
            raise ValueError(f"{shown(value)} is not a digest; expected 'sha256:' and 64 hexadecimal digits")
        return super().__new__(cls, value)

    @property
    def short(self) -> str:
        """Twelve hexadecimal digits, for people."""
        return self.removeprefix("sha256:")[:12]


class Platform(str):
    """A platform as OCI names it: `linux/amd64`, `linux/arm64`, `linux/arm/v7`."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """:raises ValueError: if the text is no Linux platform."""
        if not re.fullmatch(PLATFORM, value):
            raise ValueError(f"{shown(value)} is not a platform; expected for example 'linux/amd64' or 'linux/arm64'")
        return super().__new__(cls, value)

    @property
    def slug(self) -> str:
        """For folder and tag names: `linux-amd64`."""
        return self.replace("/", "-")


class Tag(str):
    """An image tag: at most 128 of `[A-Za-z0-9_.-]`, not starting with `.` or `-`."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """:raises ValueError: if the text is no tag."""
        if not _TAG.fullmatch(value):
            raise ValueError(
                f"{shown(value)} is not an image tag; expected 1 to 128 letters, digits, '_', '.' or '-',"
                " the first of them no '.' or '-'"
            )
        return super().__new__(cls, value)


@dataclass(frozen=True, kw_only=True, order=True)
class Repository:
    """Where one service's images live: registry host (with its port) and path."""

    registry: str
    path: str

    def __post_init__(self) -> None:
        """:raises ValueError: if either part is not as the OCI distribution specification has it."""
        if not _HOST.fullmatch(self.registry):
            raise ValueError(
                f"{shown(self.registry)} is not a registry; expected 'host' or 'host:port', without a scheme"
            )
        if not _REPOSITORY.fullmatch(self.path):
            raise ValueError(
                f"{shown(self.path)} is not a repository path; expected lower-case letters and digits,"
                " separated by '.', '_', '-' or '/'"
            )

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"

    def at(self, digest: Digest) -> str:
        """The reference by digest, `registry/path@sha256:…`."""
        return f"{self}@{digest}"

    def tagged(self, tag: Tag) -> str:
        """The reference by tag, `registry/path:tag`."""
        return f"{self}:{tag}"


@dataclass(frozen=True, kw_only=True, order=True)
class Target:
    """A registry that a release goes to.

    :param registry: host, with its port if it has one.
    :param prefix: between registry and service name, as it is: `sealift/staging/`.
    :param insecure: spoken to in plain HTTP.
    """

    registry: str
    prefix: str = ""
    insecure: bool = False

    def repository(self, service: str) -> Repository:
        """Where a service's images go. Raises ValueError if that is no legal name."""
        return Repository(registry=self.registry, path=self.prefix + service)

    def __str__(self) -> str:
        return f"{self.registry}/{self.prefix}".rstrip("/")


class Severity(IntEnum):
    """Trivy's severities, in order."""

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, kw_only=True, order=True)
class Unit:
    """One service on one platform: what is built, booted, described and scanned by itself."""

    service: str
    platform: Platform

    def __str__(self) -> str:
        return f"{self.service} {self.platform}"


@dataclass(frozen=True, kw_only=True)
class Image:
    """One platform's image, as its manifest and configuration in the quarantine say.

    :param size: compressed bytes: configuration and layers, what a pull on an empty machine transfers.
    :param user: the configuration's `User`; empty means root.
    """

    unit: Unit
    digest: Digest
    size: int
    layers: int
    user: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What one service publishes: its index, and the platforms in it. All of it is signed.

    :param version: that it says it is of, `org.opencontainers.image.version`; decides about identities that name one.
    :param attested: kinds of `predicates.PREDICATES` that have to verify.
    """

    service: str
    index: Digest
    platforms: Mapping[Platform, Digest]
    version: str | None = None
    attested: tuple[str, ...] = ALWAYS


@dataclass(frozen=True, kw_only=True)
class Package:
    """One package of an image, as its SBOM has it.

    :param licence: what it declares, an SPDX expression.
    :param kind: Syft's, as in `deb` or `python`.
    """

    name: str
    version: str
    licence: str
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One vulnerability or secret that the scanner found, a distribution at its end, or a licence that may not leave.

    :param fixed: version that mends it; None if there is none yet.
    """

    id: str
    package: str
    installed: str
    fixed: str | None
    severity: Severity
    title: str
    target: str
    kind: str = "vulnerability"


@dataclass(frozen=True, kw_only=True)
class Database:
    """The advisory database that a scan used.

    :param sample: made from the advisories in the repository; never fit for a release.
    """

    reference: str
    digest: str
    updated: datetime
    sample: bool


@dataclass(frozen=True, kw_only=True)
class Dismissed:
    """A vulnerability that the scanner left out, for a VEX document says that it may.

    :param status: `not_affected` or `fixed`.
    :param statement: why, in the document's word; empty if it does not say.
    :param file: the document.
    """

    id: str
    package: str
    status: str
    statement: str
    file: str


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What the scanner says of one image. `created` tells whether it was answered from an earlier run.

    :param packages: all that it saw; `distributed` of them are of a distribution that it knows.
    """

    findings: tuple[Finding, ...]
    packages: int
    created: datetime
    distributed: int = 0
    dismissed: tuple[Dismissed, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Examined:
    """Everything known of one unit when the gate judges it.

    :param boot_ms: None if it is no server, or was booted before by the release that it is reused from.
    :param scan: None if scanning was turned off.
    :param reused: repository that it was fetched from, if it was not built.
    :param baked: its own build secrets that are in it.
    :param made_by: the run that built it for this one; None if this one did, or a release before.
    """

    image: Image
    boot_ms: int | None
    packages: tuple[Package, ...]
    scan: Scan | None
    cached: bool
    seconds: float
    reused: str | None = None
    baked: tuple[Finding, ...] = ()
    made_by: Maker | None = None

    @property
    def made(self) -> str:
        """How it came to be: `reused`, `elsewhere` (by the run that `made_by` names), `cached` or `built`."""
        return how_made(reused=self.reused is not None, elsewhere=self.made_by is not None, cached=self.cached)

    @property
    def secrets(self) -> int | None:
        """How many were found in it; None if nobody has scanned it, and none of its own is there."""
        if self.scan is None:
            return len(self.baked) or None
        return len(self.baked) + sum(finding.kind == "secret" for finding in self.scan.findings)


def how_made(*, reused: bool, elsewhere: bool, cached: bool) -> str:
    """How an image came to be: what counts most of these, or else `built`."""
    if reused:
        return "reused"
    return "elsewhere" if elsewhere else "cached" if cached else "built"
