"""What was found in an image, and which of it stops a release. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.ignores import Ignore, excuse
from pipelines.licences import named, objections
from pipelines.model import Dismissed, Examined, Finding, Severity, Unit
from pipelines.plan import Plan, Rules
from pipelines.vex import Vex


def findings(unit: Examined, rules: Rules) -> list[Finding]:
    """What was found in it, and each licence of a package that the lists do not let leave."""
    found = [*(unit.scan.findings if unit.scan else ()), *unit.baked]
    if not rules.allow_licences and not rules.deny_licences:
        return found
    return found + [
        Finding(
            id=name,
            package=package.name,
            installed=package.version,
            fixed=None,
            severity=Severity.UNKNOWN,
            title=package.licence,
            target="SBOM",
            kind="licence",
        )
        for package in unit.packages
        for name in objections(package.licence, allow=rules.allow_licences, deny=rules.deny_licences)
    ]


def counts(finding: Finding, rules: Rules) -> bool:
    """Whether a vulnerability is severe enough, and mendable if only those count. All else that is found counts."""
    if finding.kind != "vulnerability":
        return True
    return finding.severity >= rules.severity and (finding.fixed is not None or not rules.only_fixed)


def stops(service: str, finding: Finding, rules: Rules) -> bool:
    """Whether a finding stops the release: it counts, and nothing excuses it."""
    return counts(finding, rules) and excuse(rules.ignores, service, finding) is None


@dataclass(frozen=True, kw_only=True)
class Excused:
    """An ignore that was needed, and the images for which it was."""

    ignore: Ignore
    units: tuple[Unit, ...]


def excused(plan: Plan, units: Sequence[Examined]) -> tuple[Excused, ...]:
    """Every ignore without which the release would not leave, in the order of the file."""
    needed: dict[Ignore, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: unit.image.unit):
        of = unit.image.unit
        for finding in findings(unit, plan.rules):
            ignore = excuse(plan.rules.ignores, of.service, finding) if counts(finding, plan.rules) else None
            if ignore and of not in needed.setdefault(ignore, []):
                needed[ignore].append(of)
    return tuple(
        Excused(ignore=ignore, units=tuple(needed[ignore])) for ignore in plan.rules.ignores if ignore in needed
    )


def dismissed(units: Sequence[Examined]) -> dict[Dismissed, tuple[Unit, ...]]:
    """Everything that VEX took away from the scans, with the images that it is in."""
    found: dict[Dismissed, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: unit.image.unit):
        for item in unit.scan.dismissed if unit.scan else ():
            found.setdefault(item, []).append(unit.image.unit)
    return {item: tuple(dict.fromkeys(there)) for item, there in found.items()}


def used_vex(rules: Rules, units: Sequence[Examined]) -> tuple[Vex, ...]:
    """The VEX documents that took something away from the scans of these."""
    files = {item.file for item in dismissed(units)}
    return tuple(document for document in rules.vex if document.file in files)


def stale(plan: Plan, units: Sequence[Examined]) -> Iterator[Ignore]:
    """Ignores of what is in none of their images, where the release has them all.

    What is there but would not count is not among them: another environment, with other rules, may need the entry.
    """
    if not plan.rules.ignores:
        return
    there = {(unit.image.unit.service, *about) for unit in units for about in _about(unit)}
    for ignore in plan.rules.ignores:
        if ignore.whole and not any((service, ignore.id, ignore.package) in there for service in ignore.services):
            yield ignore


def _about(unit: Examined) -> Iterator[tuple[str, str]]:
    """Id and package of everything in an image that an ignore could be about."""
    for finding in unit.scan.findings if unit.scan else ():
        if finding.kind != "secret":
            yield finding.id, finding.package
    for package in unit.packages:
        for name in named(package.licence):
            yield name, package.name
