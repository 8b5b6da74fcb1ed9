"""The gate: one verdict for the whole release. Pure; every rule is judged, none stops the others from speaking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.errors import GateFailed
from pipelines.findings import findings, stale, stops
from pipelines.model import REBUILT_LABEL, Database, Examined, Finding, Unit
from pipelines.plan import Plan, Rules, ServicePlan
from pipelines.unseen import unseen

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
    found += _stale(plan, units, database)
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


def _stale(plan: Plan, units: Sequence[Examined], database: Database | None) -> Iterator[Violation]:
    """Ignores of what is there no more: kept, they would excuse it unseen if it came back.

    Not with the sample, which lists next to nothing, and not where an image was not scanned.
    """
    if database is None or database.sample or any(unit.scan is None for unit in units):
        return
    for ignore in stale(plan, units):
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
        for item in unseen(unit.packages, unit.scan):
            yield Violation(**where, rule=item.rule, what=item.what, remedy=item.remedy)
    yield from _findings(rules, unit, where)


def _findings(rules: Rules, unit: Examined, where: dict[str, str]) -> Iterator[Violation]:
    found = [finding for finding in findings(unit, rules) if stops(where["service"], finding, rules)]
    for finding in sorted(found, key=lambda finding: (-finding.severity, finding.id, finding.package)):
        yield Violation(**where, rule=finding.kind, **_said(finding))


def _said(finding: Finding) -> dict[str, str]:
    """What was found, and what to do."""
    package = f"{finding.package} {finding.installed}".rstrip()
    if finding.kind == "secret":
        return {
            "what": finding.title,
            "remedy": "remove the secret from the image and revoke it: it has been written to disk",
        }
    if finding.kind == "licence":
        return {
            "what": f"{package} is under {finding.id}"
            + (f", of {finding.title}" if finding.title != finding.id else ""),
            "remedy": "replace the package, or ignore this licence of it for a time, if you may",
        }
    if finding.kind == "distribution":
        return {
            "what": f"{finding.title}: no advisories are written for it any more",
            "remedy": f"stand on a newer version; or ignore {finding.id} of {finding.package} for a time",
        }
    return {
        "what": f"{finding.id} {finding.severity.name} in {package}, {finding.target}",
        "remedy": f"upgrade {finding.package} to {finding.fixed}" if finding.fixed else "replace the package",
    }
