"""What is new in a later scan, and what of it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipelines.model import Finding, Scan, Severity, Unit
from pipelines.rescanned import Before, Rescanned, before, by_severity, renamed
from pipelines.statements import Statement
from tests.unit.conftest import Samples

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def rescanned(samples: Samples, *findings: Finding, known: tuple[Finding, ...] | None = ()) -> Rescanned:
    return Rescanned(
        unit=Unit(service="aidb", platform=samples.amd64),
        reference="aidb:v1",
        digest=samples.digest("a"),
        packages=3,
        scan=Scan(findings=findings, packages=3, created=NOW),
        before=None
        if known is None
        else Before(finished=NOW, known=frozenset((one.id, one.package, one.installed) for one in known)),
    )


def test_what_the_last_scan_did_not_find_is_new(samples: Samples) -> None:
    old, new = samples.finding(), samples.finding(id="CVE-2")
    found = rescanned(samples, old, new, known=(old,))
    assert found.new == (new,)
    assert rescanned(samples, old, new, known=None).new == (old, new)
    assert rescanned(samples, replace(old, installed="9"), known=(old,)).new, "another version is another finding"


def test_only_what_is_new_may_be_made_to_count(samples: Samples) -> None:
    old = samples.finding(severity=Severity.CRITICAL)
    low = samples.finding(id="CVE-2", severity=Severity.LOW)
    found = rescanned(samples, old, low, known=(old,))
    assert found.refused(samples.rules) == (old,)
    assert found.refused(samples.rules, new_only=True) == ()
    assert found.as_json(samples.rules, new_only=True)["passed"] is True
    assert found.as_json(samples.rules, new_only=False)["passed"] is False
    blind = replace(found, unseen=("the scanner saw no package",))
    assert blind.as_json(samples.rules, new_only=True)["passed"] is False


def test_ignores_apply_and_are_told(samples: Samples) -> None:
    finding = samples.finding()
    rules = replace(
        samples.rules, ignores=(samples.ignore(id=finding.id, package=finding.package, services=("aidb",)),)
    )
    found = rescanned(samples, finding)
    assert found.refused(rules) == ()
    assert [item.ignore for item in found.excused(rules)] == list(rules.ignores)
    assert rescanned(samples, samples.finding(id="CVE-3")).excused(rules) == ()


def test_packages_have_the_names_that_are_known_here(samples: Samples) -> None:
    found = renamed([samples.finding(package="typing-extensions"), samples.finding(package="x")], ["typing_extensions"])
    assert [one.package for one in found] == ["typing_extensions", "x"]


def test_findings_by_severity_the_most_severe_first(samples: Samples) -> None:
    found = [samples.finding(severity=Severity.LOW), samples.finding(), samples.secret()]
    assert list(by_severity(found).items()) == [("HIGH", 1), ("LOW", 1)]


def test_what_is_attested_of_the_last_scan() -> None:
    findings = [{"id": "CVE-1", "package": "x", "installed": "1"}]
    statement = Statement(
        subjects=frozenset(), predicate_type="", predicate={"scanner": {"result": {"findings": findings}}}
    )
    assert before(statement, NOW) == Before(finished=NOW, known=frozenset({("CVE-1", "x", "1")}))
    assert before(None, None) is None
    with pytest.raises(ValueError, match="not of the kind that Sealift makes"):
        before(replace(statement, predicate={"scanner": {}}), NOW)
