"""The gate: one verdict for the whole release. Pure; every rule is judged, none stops the others from speaking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.errors import GateFailed
from pipelines.ignores import Ignore, excuse
from pipelines.model import REBUILT_LABEL, Database, Examined, Finding, Unit
from pipelines.plan import Plan, Rules, ServicePlan

ROOT_USERS = ("", "0", "root")


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One reason why the release may not leave."""

    service: str
    platform: str
    rule: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.service} {self.platform} {self.rule}: {self.what}\n    remedy: {self.remedy}"


def _is_root(user: str) -> bool:
    """The image specification's `User`: a name or number, with a group behind a colon; empty means root."""
    name = user.split(":", maxsplit=1)[0]
    return name in ROOT_USERS or (name.isdecimal() and int(name) == 0)


def counts(finding: Finding, rules: Rules) -> bool:
    """Whether a vulnerability is severe enough, and mendable if only those count."""
    return finding.severity >= rules.severity and (finding.fixed is not None or not rules.only_fixed)


def stops(service: str, finding: Finding, rules: Rules) -> bool:
    """Whether a finding stops the release: a secret always, a vulnerability if it counts and nothing excuses it."""
    return finding.kind == "secret" or (counts(finding, rules) and excuse(rules.ignores, service, finding) is None)


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
        for finding in unit.scan.findings if unit.scan else ():
            ignore = excuse(plan.rules.ignores, of.service, finding) if counts(finding, plan.rules) else None
            if ignore and of not in needed.setdefault(ignore, []):
                needed[ignore].append(of)
    return tuple(
        Excused(ignore=ignore, units=tuple(needed[ignore])) for ignore in plan.rules.ignores if ignore in needed
    )


def judge(plan: Plan, units: Sequence[Examined], database: Database | None) -> tuple[Violation, ...]:
    """Every violation, in the order of the plan; empty if the release may leave."""
    order = {service.name: number for number, service in enumerate(plan.services)}
    ordered = sorted(units, key=lambda unit: (order[unit.image.unit.service], unit.image.unit.platform))
    found = [*_database(plan, database)]
    known = {unit.image.unit for unit in units}
    for service in plan.services:
        missing = [
            platform for platform in service.platforms if Unit(service=service.name, platform=platform) not in known
        ]
        found += [_missing(service.name, platform, "nothing is known of this image") for platform in missing]
    for unit in ordered:
        if unit.scan is None and database is not None:
            found.append(_missing(unit.image.unit.service, unit.image.unit.platform, "it was not scanned"))
        found += _unit(plan.rules, plan.service(unit.image.unit.service), unit)
    found += _stale(plan.rules, units, database)
    return tuple(found)


def refusal(violations: Sequence[Violation]) -> GateFailed:
    """The verdict on a release that has violations; the message lists them all."""
    lines = "\n".join(f"- {violation}" for violation in violations)
    return GateFailed(
        f"the gate refused the release, nothing was published:\n{lines}",
        remedy="mend what is listed and run again; the reports have the details",
        step="gate",
    )


def _missing(service: str, platform: str, what: str) -> Violation:
    """What is not known does not pass."""
    return Violation(
        service=service, platform=platform, rule="scan", what=what, remedy="run again; if it stays so, report it"
    )


def _database(plan: Plan, database: Database | None) -> Iterator[Violation]:
    if database is not None and database.sample and not plan.rules.rehearsal:
        yield Violation(
            service="*",
            platform="*",
            rule="database",
            what="the advisory database is the sample, which is not fit for release",
            remedy="make the public database reachable",
        )
    if database is None and not plan.rules.rehearsal:
        yield Violation(
            service="*", platform="*", rule="scan", what="nothing was scanned", remedy="run without --no-scan"
        )


def _stale(rules: Rules, units: Sequence[Examined], database: Database | None) -> Iterator[Violation]:
    """Ignores of what is in no image any more: kept, they would excuse it unseen if it came back.

    Only where every image that the entry is about was scanned, and not with the sample, which lists next to nothing.
    """
    if database is None or database.sample or any(unit.scan is None for unit in units):
        return
    there = [(unit.image.unit.service, finding) for unit in units if unit.scan for finding in unit.scan.findings]
    for ignore in rules.ignores:
        if ignore.whole and not any(ignore.names(service, finding) for service, finding in there):
            yield Violation(
                service=ignore.services[0] if len(ignore.services) == 1 else "*",
                platform="*",
                rule="ignore",
                what=f"{ignore.origin} excuses {ignore.id} in {ignore.package}, which is in none of its images",
                remedy="remove the entry",
            )


def _unit(rules: Rules, service: ServicePlan, unit: Examined) -> Iterator[Violation]:
    where = {"service": unit.image.unit.service, "platform": unit.image.unit.platform}
    image = unit.image
    if _is_root(image.user) and not rules.allow_root:
        yield Violation(
            **where, rule="user", what="the image runs as root", remedy="add 'USER 1001:1001' to the last stage"
        )
    if image.size > service.size_budget:
        yield Violation(
            **where,
            rule="size",
            what=f"{image.size / 1e6:.1f} MB compressed, over the budget of {service.size_budget / 1e6:.1f} MB",
            remedy=f"make the image smaller, or raise services.{service.name}.size_budget",
        )
    if image.layers > rules.max_layers:
        yield Violation(
            **where,
            rule="layers",
            what=f"{image.layers} layers, over the limit of {rules.max_layers}",
            remedy="join steps of the last stage, or raise policy.max_layers",
        )
    if REBUILT_LABEL in image.labels and not rules.rehearsal:
        yield Violation(
            **where,
            rule="base",
            what="it stands on a base that was rebuilt on this machine in place of the official one",
            remedy="release from a machine that reaches the official base images",
        )
    if unit.scan is not None:
        yield from _scan(rules, unit, where)


def _scan(rules: Rules, unit: Examined, where: dict[str, str]) -> Iterator[Violation]:
    assert unit.scan is not None  # noqa: S101 - the caller looked
    if unit.scan.packages == 0 and unit.sbom_packages > 0:
        yield Violation(
            **where,
            rule="scan",
            what=f"the scanner saw no package where the SBOM lists {unit.sbom_packages}",
            remedy="an image that the scanner cannot read does not leave; check its distribution in the report",
        )
    if unit.sbom_packages == 0 and unit.scan.packages > 0:
        yield Violation(
            **where,
            rule="sbom",
            what=f"the SBOM lists no package where the scanner saw {unit.scan.packages}",
            remedy="an image that is not described does not leave; run again, and look at its SBOM",
        )
    for finding in sorted(unit.scan.findings, key=lambda finding: (-finding.severity, finding.id, finding.package)):
        if finding.kind == "secret":
            yield Violation(
                **where,
                rule="secret",
                what=finding.title,
                remedy="remove the secret from the image and revoke it: it has been written to disk",
            )
        elif stops(where["service"], finding, rules):
            fix = f"upgrade {finding.package} to {finding.fixed}" if finding.fixed else "replace the package"
            yield Violation(
                **where,
                rule="vulnerability",
                what=f"{finding.id} {finding.severity.name} in {finding.package} {finding.installed}, {finding.target}",
                remedy=fix,
            )
