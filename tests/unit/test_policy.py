from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipelines.findings import counts
from pipelines.model import REBUILT_LABEL, Platform, Scan, Severity
from pipelines.policy import Violation, judge, refusal

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

PLATFORMS = (Platform("linux/amd64"), Platform("linux/arm64"))
ALL = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")


def test_a_release_in_order_passes(samples: Samples) -> None:
    plan = samples.plan()
    assert judge(plan, samples.units(plan), samples.database()) == ()


@pytest.mark.parametrize("threshold", ALL[1:])
@pytest.mark.parametrize("found", ALL)
def test_a_finding_counts_from_the_threshold_on(samples: Samples, found: str, threshold: str) -> None:
    rules = replace(samples.rules, severity=Severity[threshold])
    finding = samples.finding(severity=Severity[found])
    expected = ALL.index(found) >= ALL.index(threshold)
    assert counts(finding, rules) is expected
    # The samples' own finding, which is LOW, is left out.
    plan = samples.plan([samples.service(platforms=(samples.amd64,))], rules=rules)
    broken = samples.rules_broken(samples.unit(finding), plan=plan)
    assert broken == (["vulnerability"] if expected else [])


@pytest.mark.parametrize(
    ("only_fixed", "fixed", "expected"),
    [(False, "3.0.2", True), (False, None, True), (True, "3.0.2", True), (True, None, False)],
)
def test_only_fixed_leaves_out_what_cannot_be_mended(
    samples: Samples, only_fixed: bool, fixed: str | None, expected: bool
) -> None:
    rules = replace(samples.rules, only_fixed=only_fixed)
    assert counts(samples.finding(fixed=fixed), rules) is expected


def test_a_vulnerability_of_one_platform_stops_the_release_and_names_it(samples: Samples) -> None:
    plan = samples.plan()
    units = list(samples.units(plan))
    units[3] = samples.unit(samples.finding(), image=units[3].image)
    assert judge(plan, units, samples.database()) == (
        Violation(
            service="docs",
            platform="linux/arm64",
            rule="vulnerability",
            what="CVE-2024-0001 HIGH in openssl 3.0.1, debian 12.8",
            remedy="upgrade openssl to 3.0.2",
        ),
    )


def test_what_cannot_be_mended_is_to_be_replaced(samples: Samples) -> None:
    violations = samples.judged(samples.unit(samples.finding(fixed=None)))
    assert [violation.remedy for violation in violations] == ["replace the package"]


@pytest.mark.parametrize("severity", ALL)
def test_a_secret_stops_the_release_whatever_its_severity(samples: Samples, severity: str) -> None:
    rules = replace(samples.rules, severity=Severity.CRITICAL, only_fixed=True)
    secret = replace(samples.secret(), severity=Severity[severity])
    violations = samples.judged(samples.unit(secret), plan=samples.plan(rules=rules))
    assert [(violation.rule, violation.what) for violation in violations] == [
        ("secret", "Asymmetric Private Key in /app/key.pem, line 1")
    ]
    assert "revoke" in violations[0].remedy


@pytest.mark.parametrize("scanned", [True, False], ids=["scanned", "not scanned"])
def test_a_build_secret_in_the_image_stops_the_release_scanned_or_not(samples: Samples, scanned: bool) -> None:
    unit = replace(samples.unit(), baked=(replace(samples.secret(), title="npm is in it"),))
    unit = unit if scanned else replace(unit, scan=None)
    violations = judge(samples.plan([samples.service(platforms=(samples.amd64,))]), [unit], None)
    assert ("secret", "npm is in it") in [(violation.rule, violation.what) for violation in violations]
    assert unit.secrets == 1


@pytest.mark.parametrize(("rehearsal", "broken"), [(False, ["database"]), (True, [])])
def test_the_sample_database_is_for_rehearsals(samples: Samples, rehearsal: bool, broken: list[str]) -> None:
    plan = samples.plan(rules=replace(samples.rules, rehearsal=rehearsal))
    found = judge(plan, samples.units(plan), samples.database(sample=True))
    assert [(violation.rule, violation.service) for violation in found] == [(rule, "*") for rule in broken]


@pytest.mark.parametrize(("rehearsal", "broken"), [(False, ["scan"]), (True, [])])
def test_only_a_rehearsal_may_go_without_a_scan(samples: Samples, rehearsal: bool, broken: list[str]) -> None:
    plan = samples.plan(rules=replace(samples.rules, rehearsal=rehearsal))
    units = [replace(unit, scan=None) for unit in samples.units(plan)]
    assert [violation.rule for violation in judge(plan, units, None)] == broken


@pytest.mark.parametrize("rehearsal", [False, True])
def test_an_image_that_was_not_scanned_does_not_leave(samples: Samples, rehearsal: bool) -> None:
    plan = samples.plan(rules=replace(samples.rules, rehearsal=rehearsal))
    (violation,) = samples.judged(samples.unit(scan=None), plan=plan)
    assert (violation.service, violation.platform, violation.rule) == ("aidb", "linux/amd64", "scan")
    assert violation.what == "it was not scanned"


@pytest.mark.parametrize("rehearsal", [False, True])
@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize("number", range(4))
def test_an_image_that_nothing_is_known_of_does_not_leave(
    samples: Samples, number: int, rehearsal: bool, scanned: bool
) -> None:
    plan = samples.plan(rules=replace(samples.rules, rehearsal=rehearsal))
    units = list(samples.units(plan))
    missing = units.pop(number).image.unit
    # A rehearsal may go without a scan, but not without an image.
    found = judge(plan, units, samples.database() if scanned or not rehearsal else None)
    assert [(violation.service, violation.platform, violation.what) for violation in found] == [
        (missing.service, missing.platform, "nothing is known of this image")
    ]


def test_a_release_of_nothing_does_not_pass_for_a_release_in_order(samples: Samples) -> None:
    assert [violation.rule for violation in judge(samples.plan(), [], samples.database())] == ["scan"] * 4


@pytest.mark.parametrize(("rehearsal", "broken"), [(False, ["base"]), (True, [])])
def test_a_rebuilt_base_is_for_rehearsals(samples: Samples, rehearsal: bool, broken: list[str]) -> None:
    plan = samples.plan(rules=replace(samples.rules, rehearsal=rehearsal))
    unit = samples.unit(image=samples.image(labels={REBUILT_LABEL: ""}))
    assert samples.rules_broken(unit, plan=plan) == broken


@pytest.mark.parametrize(
    ("scanned", "described", "broken"), [(0, 87, ["scan"]), (0, 1, ["scan"]), (0, 0, []), (1, 87, []), (87, 87, [])]
)
def test_a_scan_that_saw_nothing_where_the_sbom_saw_something(
    samples: Samples, scanned: int, described: int, broken: list[str]
) -> None:
    unit = samples.unit(scanned=scanned, packages=samples.packages * described)
    assert samples.rules_broken(unit) == broken


@pytest.mark.parametrize(
    ("kinds", "distributed", "broken"),
    [
        (["deb", "pypi"], 0, ["scan"]),
        (["rpm", "golang"], 0, ["scan"]),
        (["deb", "pypi"], 1, []),
        (["pypi", ""], 0, []),
    ],
)
def test_a_scanner_that_does_not_know_the_distribution(
    samples: Samples, kinds: list[str], distributed: int, broken: list[str]
) -> None:
    packages = [replace(package, kind=kind) for kind in kinds for package in samples.packages]
    scan = Scan(findings=(), packages=1, created=samples.now, distributed=distributed)
    assert samples.rules_broken(samples.unit(packages=tuple(packages), scan=scan)) == broken


@pytest.mark.parametrize(
    ("size", "broken"), [(119_999_999, []), (120_000_000, []), (120_000_001, ["size"]), (999_000_000, ["size"])]
)
def test_the_size_budget_may_be_used_up(samples: Samples, size: int, broken: list[str]) -> None:
    assert samples.rules_broken(samples.unit(image=samples.image(size=size))) == broken


def test_the_size_budget_is_the_services_own(samples: Samples) -> None:
    plan = samples.plan([samples.service("aidb", size_budget=10), samples.service("docs", size_budget=20)])
    images = [samples.image(name, platform, size=15) for name in ("docs", "aidb") for platform in PLATFORMS]
    found = samples.judged(*[samples.unit(image=image) for image in images], plan=plan)
    assert [(violation.service, violation.rule) for violation in found] == [("aidb", "size")] * 2
    assert "services.aidb.size_budget" in found[0].remedy


@pytest.mark.parametrize(("layers", "broken"), [(1, []), (40, []), (41, ["layers"])])
def test_the_number_of_layers_is_limited(samples: Samples, layers: int, broken: list[str]) -> None:
    assert samples.rules_broken(samples.unit(image=samples.image(layers=layers))) == broken


@pytest.mark.parametrize(
    ("user", "broken"),
    [
        ("", ["user"]), ("0", ["user"]), ("root", ["user"]), ("0:0", ["user"]), ("root:1001", ["user"]),
        (":1001", ["user"]), ("00", ["user"]), ("000:1001", ["user"]), ("010", []), ("1001", []), ("1001:0", []),
        ("nobody", []), ("rooted", []), ("1000:1000", []),
    ],
)  # fmt: skip
def test_images_do_not_run_as_root(samples: Samples, user: str, broken: list[str]) -> None:
    assert samples.rules_broken(samples.unit(image=samples.image(user=user))) == broken


def test_root_may_be_allowed(samples: Samples) -> None:
    plan = samples.plan(rules=replace(samples.rules, allow_root=True))
    assert samples.rules_broken(samples.unit(image=samples.image(user="0")), plan=plan) == []


def test_every_rule_speaks_even_if_another_was_broken(samples: Samples) -> None:
    image = samples.image(user="", size=200_000_000, layers=50, labels={REBUILT_LABEL: ""})
    unit = samples.unit(samples.finding(), samples.secret(), scanned=0, image=image)
    found = [violation.rule for violation in samples.judged(unit, database=samples.database(sample=True))]
    assert found == ["database", "user", "size", "layers", "base", "scan", "vulnerability", "secret"]


def test_violations_are_in_the_order_of_the_plan_however_the_run_went(samples: Samples) -> None:
    plan = samples.plan([samples.service("zeta"), samples.service("alpha")])
    units = [samples.unit(samples.finding(), image=unit.image) for unit in samples.units(plan)]
    found = judge(plan, units, samples.database())
    assert [(violation.service, violation.platform) for violation in found] == [
        ("zeta", "linux/amd64"), ("zeta", "linux/arm64"), ("alpha", "linux/amd64"), ("alpha", "linux/arm64"),
    ]  # fmt: skip
    assert judge(plan, units[::-1], samples.database()) == found


def test_the_worst_findings_come_first(samples: Samples) -> None:
    findings = [
        samples.finding(id="CVE-B", severity=Severity.HIGH),
        samples.finding(id="CVE-A", severity=Severity.HIGH, package="z"),
        samples.finding(id="CVE-A", severity=Severity.HIGH, package="a"),
        samples.finding(id="CVE-Z", severity=Severity.CRITICAL),
    ]
    scan = Scan(findings=tuple(findings), packages=1, created=samples.now)
    found = samples.judged(samples.unit(scan=scan))
    assert [violation.what.split(", ")[0] for violation in found] == [
        "CVE-Z CRITICAL in openssl 3.0.1",
        "CVE-A HIGH in a 3.0.1",
        "CVE-A HIGH in z 3.0.1",
        "CVE-B HIGH in openssl 3.0.1",
    ]


def test_the_refusal_lists_every_violation_with_its_remedy(samples: Samples) -> None:
    release = samples.refused()
    refused = refusal(release.violations)
    text = str(refused)
    assert len(release.violations) == 4
    for violation in release.violations:
        assert f"- {violation.service} {violation.platform} {violation.rule}: {violation.what}" in text
        assert f"remedy: {violation.remedy}" in text
    assert "nothing was published" in text
    assert refused.exit_code == 4
