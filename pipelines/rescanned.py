"""What a later scan of released images found, and what of it is new. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pipelines.findings import Excused, counts, stops
from pipelines.ignores import Ignore, excuse
from pipelines.model import Digest, Finding, Scan, Severity, Unit
from pipelines.plan import Rules
from pipelines.statements import Statement

_NAME = re.compile(r"[-_.]+")
"""What the Python packaging specification takes for the same ("Names and normalization")."""

Known = frozenset[tuple[str, str, str]]
"""Id, package and its version, of everything that an earlier scan found."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """The last scan that is attested."""

    finished: datetime
    known: Known


@dataclass(frozen=True, kw_only=True)
class Rescanned:
    """One platform's image.

    :param reference: of its index, as the user knows it.
    :param packages: that its SBOM lists.
    :param before: None: no scan is attested that verifies, and all that is found is new.
    :param unseen: why the scan says nothing about the image, or not all: it is no pass.
    :param attested: registries at which the new scan was attested, and verified.
    """

    unit: Unit
    reference: str
    digest: Digest
    packages: int
    scan: Scan
    before: Before | None
    unseen: tuple[str, ...] = ()
    attested: tuple[str, ...] = field(default=())

    @property
    def new(self) -> tuple[Finding, ...]:
        """What the last scan did not find."""
        return tuple(finding for finding in self.scan.findings if self.is_new(finding))

    def is_new(self, finding: Finding) -> bool:
        return self.before is None or _about(finding) not in self.before.known

    def refused(self, rules: Rules, *, new_only: bool = False) -> tuple[Finding, ...]:
        """What would stop a release, by the environment's rules."""
        found = self.new if new_only else self.scan.findings
        return tuple(finding for finding in found if stops(self.unit.service, finding, rules))

    def excused(self, rules: Rules) -> tuple[Excused, ...]:
        """The ignores without which it would be refused."""
        needed: dict[Ignore, None] = {}
        for finding in self.scan.findings:
            ignore = excuse(rules.ignores, self.unit.service, finding)
            if ignore is not None and counts(finding, rules):
                needed[ignore] = None
        return tuple(Excused(ignore=ignore, units=(self.unit,)) for ignore in needed)

    def as_json(self, rules: Rules, *, new_only: bool) -> dict[str, Any]:
        """For `rescan --json`; docs/verify.md has the shape."""
        refused = self.refused(rules, new_only=new_only)
        return {
            "service": self.unit.service,
            "platform": self.unit.platform,
            "reference": self.reference,
            "digest": self.digest,
            "packages": self.packages,
            "scanned_before": self.before.finished.isoformat() if self.before else None,
            "new": by_severity(self.new),
            "all": by_severity(self.scan.findings),
            "passed": not refused and not self.unseen,
            "unseen": list(self.unseen),
            "attested": list(self.attested),
            "findings": [
                {
                    "id": finding.id, "severity": finding.severity.name, "package": finding.package,
                    "installed": finding.installed, "fixed": finding.fixed, "title": finding.title,
                    "kind": finding.kind, "new": self.is_new(finding), "refused": finding in refused,
                }
                for finding in in_order(self.scan.findings)
            ],
        }  # fmt: skip


def _about(finding: Finding) -> tuple[str, str, str]:
    return finding.id, finding.package, finding.installed


def renamed(findings: Sequence[Finding], names: Iterable[str]) -> tuple[Finding, ...]:
    """The findings, their packages named as they are here.

    Syft writes Python packages as their index does (`typing-extensions`), and the scanner of an image as they do
    themselves (`typing_extensions`): what is excused, and what was known, goes by the latter.
    """
    here = {same_name(name): name for name in names}
    return tuple(
        replace(finding, package=here.get(same_name(finding.package), finding.package)) for finding in findings
    )


def same_name(name: str) -> str:
    """A package's name as all who write it differently have it."""
    return _NAME.sub("-", name).lower()


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The most severe first."""
    return sorted(findings, key=lambda finding: (-finding.severity, finding.id, finding.package))


def by_severity(findings: Sequence[Finding]) -> Mapping[str, int]:
    """Severity → how many; those that there are, the most severe first. A distribution at its end is not counted."""
    counted = {
        severity.name: sum(one.severity is severity and one.kind == "vulnerability" for one in findings)
        for severity in reversed(Severity)
    }
    return {name: count for name, count in counted.items() if count}


def before(statement: Statement | None, finished: datetime | None) -> Before | None:
    """What an attested scan found (`pipelines.scan_result`).

    :raises ValueError: it is of another kind, so that nobody knows what is new.
    """
    if statement is None or finished is None:
        return None
    try:
        found = statement.predicate["scanner"]["result"]["findings"]
        return Before(finished=finished, known=frozenset(_keys(found)))
    except (KeyError, TypeError) as error:
        raise ValueError(f"the attested scan is not of the kind that Sealift makes: {error!r}") from error


def _keys(found: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for item in found:
        yield str(item["id"]), str(item["package"]), str(item["installed"])
