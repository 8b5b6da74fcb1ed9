"""What stops a release and what excuses it: vulnerabilities, licences, and ignores of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.findings import Excused, excused, stops
from pipelines.ignores import Ignore
from pipelines.model import Examined, Package, Severity
from pipelines.plan import Plan
from pipelines.policy import Violation, judge

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


def ignoring(samples: Samples, *ignores: Ignore, rehearsal: bool = False) -> Plan:
    """The samples' plan with these ignores."""
    return samples.plan(rules=replace(samples.rules, ignores=ignores, rehearsal=rehearsal))


def test_what_is_ignored_does_not_stop_the_release_and_is_told(samples: Samples) -> None:
    entry = samples.ignore()
    plan, unit = ignoring(samples, entry), samples.unit(samples.finding())
    assert samples.judged(unit, plan=plan) == ()
    assert excused(plan, samples.whole(plan, unit)) == (Excused(ignore=entry, units=(unit.image.unit,)),)


@pytest.mark.parametrize(
    "changes",
    [{"id": "CVE-2024-0002"}, {"package": "libssl"}, {"services": ("docs",)}],
    ids=["advisory", "package", "service"],
)
def test_an_ignore_is_for_one_advisory_of_one_package_of_its_services(
    samples: Samples, changes: dict[str, Any]
) -> None:
    plan = ignoring(samples, samples.ignore(**changes, whole=False))
    assert samples.rules_broken(samples.unit(samples.finding()), plan=plan) == ["vulnerability"]
    assert excused(plan, samples.whole(plan, samples.unit(samples.finding()))) == ()


def test_a_secret_cannot_be_ignored(samples: Samples) -> None:
    secret = samples.secret()
    plan = ignoring(samples, samples.ignore(id=secret.id, package=secret.package))
    assert samples.rules_broken(samples.unit(secret), plan=plan) == ["secret", "ignore"]
    assert stops("aidb", secret, plan.rules)


def test_an_ignore_of_what_is_in_no_image_any_more_stops_the_release(samples: Samples) -> None:
    plan = ignoring(samples, samples.ignore())
    assert samples.judged(plan=plan) == (
        Violation(
            service="aidb",
            platform="*",
            rule="ignore",
            what="ignores.yaml:3 excuses CVE-2024-0001 in openssl, which is in none of its images",
            remedy="remove the entry",
        ),
    )


def test_what_would_not_count_is_not_stale_but_not_needed_either(samples: Samples) -> None:
    # Another environment, which shares the file, may have a lower threshold.
    plan = ignoring(samples, samples.ignore())
    unit = samples.unit(samples.finding(severity=Severity.LOW))
    assert samples.judged(unit, plan=plan) == ()
    assert excused(plan, samples.whole(plan, unit)) == ()


@pytest.mark.parametrize("part", ["not every image", "sample", "one not scanned"])
def test_a_release_that_does_not_show_it_calls_no_ignore_stale(samples: Samples, part: str) -> None:
    plan = ignoring(samples, samples.ignore(whole=part != "not every image"), rehearsal=True)
    given = [samples.unit(scan=None)] if part == "one not scanned" else []
    found = samples.judged(*given, plan=plan, database=samples.database(sample=part == "sample"))
    assert "ignore" not in [violation.rule for violation in found]


def test_a_distribution_at_its_end_stops_the_release_unless_it_is_ignored(samples: Samples) -> None:
    end = samples.finding(
        id="end-of-life", package="debian", installed="9.13", kind="distribution", severity=Severity.UNKNOWN,
        title="debian 9.13 is at the end of its life",
    )  # fmt: skip
    (violation,) = samples.judged(samples.unit(end), plan=samples.plan())
    assert (violation.rule, violation.what) == (
        "distribution",
        "debian 9.13 is at the end of its life: no advisories are written for it any more",
    )
    entry = samples.ignore(id="end-of-life", package="debian")
    assert samples.judged(samples.unit(end), plan=ignoring(samples, entry)) == ()


def licensed(samples: Samples, *licences: str) -> Examined:
    """An image with these licences, of a package each."""
    packages = (Package(name=f"p{number}", version="1.0", licence=text) for number, text in enumerate(licences))
    return samples.unit(packages=tuple(packages))


def denying(samples: Samples, *ignores: Ignore, **lists: tuple[str, ...]) -> Plan:
    """The samples' plan with these lists of licences; GPL-3.0-only is denied unless others are given."""
    return samples.plan(
        rules=replace(samples.rules, ignores=ignores, **(lists or {"deny_licences": ("GPL-3.0-only",)}))
    )


def test_a_licence_that_is_denied_stops_the_release(samples: Samples) -> None:
    found = samples.judged(licensed(samples, "MIT", "GPL-3.0-only", "ISC AND GPL-3.0"), plan=denying(samples))
    assert [(violation.rule, violation.what) for violation in found] == [
        ("licence", "p1 1.0 is under GPL-3.0-only"),
        ("licence", "p2 1.0 is under GPL-3.0-only, of ISC AND GPL-3.0"),
    ]


def test_a_licence_that_is_not_allowed_stops_the_release(samples: Samples) -> None:
    plan = denying(samples, allow_licences=("Apache-2.0", "MIT"))
    found = samples.judged(licensed(samples, "MIT OR ISC", "ISC", "NOASSERTION"), plan=plan)
    assert [violation.what for violation in found] == ["p1 1.0 is under ISC", "p2 1.0 is under NOASSERTION"]


def test_without_lists_every_licence_may_leave(samples: Samples) -> None:
    assert samples.judged(licensed(samples, "SSPL-1.0", "NOASSERTION"), plan=samples.plan()) == ()


def test_a_licence_is_judged_without_a_scan_too(samples: Samples) -> None:
    plan = denying(samples)
    plan = replace(plan, rules=replace(plan.rules, rehearsal=True))
    units = [replace(unit, scan=None) for unit in samples.whole(plan, licensed(samples, "GPL-3.0-only"))]
    assert [violation.rule for violation in judge(plan, units, None)] == ["licence"]


def test_a_licence_of_one_package_may_be_ignored(samples: Samples) -> None:
    entry = samples.ignore(id="GPL-3.0-only", package="p0")
    plan, unit = denying(samples, entry), licensed(samples, "GPL-3.0-only", "GPL-3.0-only")
    assert [violation.what for violation in samples.judged(unit, plan=plan)] == ["p1 1.0 is under GPL-3.0-only"]
    assert excused(plan, samples.whole(plan, unit)) == (Excused(ignore=entry, units=(unit.image.unit,)),)


def test_an_ignored_licence_is_not_stale_where_nothing_denies_it(samples: Samples) -> None:
    # Another environment, which shares the file, may deny it.
    unit = licensed(samples, "MIT OR GPL-3.0-only")
    for name, broken in (("GPL-3.0-only", []), ("ISC", ["ignore"])):
        plan = ignoring(samples, samples.ignore(id=name, package="p0"))
        assert samples.rules_broken(unit, plan=plan) == broken
