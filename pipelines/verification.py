"""What verifying an image comes to: each check with its outcome, and who signed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pipelines.model import Digest, Platform
from pipelines.predicates import PREDICATES

INDEX = "index"
"""What a check is about, where it is not one platform."""

_NAMES = ("image", "platforms", "record", "tag", "signature", "attestations", *PREDICATES, "scan age", "materials")


class Outcome(StrEnum):
    """Of one check."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It could not be made: the registry did not show what was to be looked at."""
    NOTED = "noted"
    """Nothing was demanded; what there is, is told."""


@dataclass(frozen=True, kw_only=True, order=True)
class Signatory:
    """Who signed: an identity, as its certificate names it, or a key.

    :param key: SHA-256 of the public key (DER, `SubjectPublicKeyInfo`), hexadecimal.
    :param pattern: whoever matches a pattern would have done.
    :param repository: whose job it was; empty if nobody has asked.
    :param ref: git ref that the job was about; empty if nobody has asked.
    """

    subject: str = ""
    issuer: str = ""
    key: str = ""
    pattern: str = ""
    repository: str = ""
    ref: str = ""

    def __str__(self) -> str:
        if self.key:
            return f"key SHA256:{self.key[:16]}"
        whose, which = (f" of {self.repository}" if self.repository else ""), (f" at {self.ref}" if self.ref else "")
        job = f", in a job{whose}{which}" if whose or which else ""
        if not self.subject:
            return f"whoever matches the pattern {self.pattern} ({self.issuer}){job}"
        by = f", which matches the pattern {self.pattern}" if self.pattern else ""
        return f"{self.subject} ({self.issuer}){job}{by}"

    def as_json(self) -> dict[str, str | None]:
        return {
            "subject": self.subject or None,
            "issuer": self.issuer or None,
            "key": self.key or None,
            "pattern": self.pattern or None,
            "repository": self.repository or None,
            "ref": self.ref or None,
        }


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at.

    :param name: `image`, `platforms`, `signature`, a kind of attestation, `tag`, `record`, `scan age` or `materials`.
    :param about: `index`, a platform, or a tag.
    :param said: what was found, or what is wrong.
    :param signed_by: whose statements verified.
    """

    name: str
    about: str
    outcome: Outcome
    said: str = ""
    digest: Digest | None = None
    signed_by: tuple[Signatory, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.name,
            "about": self.about,
            "digest": self.digest,
            "outcome": self.outcome,
            "said": self.said,
            "signed_by": [one.as_json() for one in self.signed_by],
        }


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One image, and everything that was checked of it.

    :param reference: as the user knows it.
    :param index: None if there is no such image.
    :param scanned: when the scan ended that is the oldest of its platforms', as is attested.
    """

    service: str
    reference: str
    repository: str
    index: Digest | None = None
    platforms: Mapping[Platform, Digest] = field(default_factory=dict)
    scanned: datetime | None = None
    checks: tuple[Check, ...] = ()

    def in_order(self) -> Verified:
        """The same, its checks in the order in which they are read."""
        about = {name: number for number, name in enumerate((INDEX, *self.platforms))}
        names = {name: number for number, name in enumerate(_NAMES)}
        last = len(names) + len(about)
        ordered = sorted(self.checks, key=lambda one: (names.get(one.name, last), about.get(one.about, last)))
        return replace(self, checks=tuple(ordered))

    @property
    def signed_by(self) -> tuple[Signatory, ...]:
        """Everybody whose statement of it verified, each once."""
        return tuple(dict.fromkeys(who for check in self.checks for who in check.signed_by))

    @property
    def refused(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome is Outcome.REFUSED)

    @property
    def unknown(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome is Outcome.UNKNOWN)

    @property
    def good(self) -> bool:
        """Whether everything that was demanded was seen."""
        return not self.refused and not self.unknown

    def as_json(self) -> dict[str, Any]:
        """For `verify --json`; docs/verify.md has the shape."""
        return {
            "service": self.service,
            "reference": self.reference,
            "repository": self.repository,
            "index": self.index,
            "platforms": dict(self.platforms),
            "verified": self.good,
            "signed_by": [one.as_json() for one in self.signed_by],
            "scanned": self.scanned.isoformat() if self.scanned else None,
            "checks": [check.as_json() for check in self.checks],
        }
