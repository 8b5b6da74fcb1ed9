from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipelines.findings import excused, used_vex
from pipelines.invocation import COMMAND_LINE, Invocation
from pipelines.model import Dismissed, Examined, Scan
from pipelines.predicates import CSAF, OPENVEX
from pipelines.scan_result import scan_result
from pipelines.vex import Vex

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

HERE = Dismissed(id="CVE-1", package="zlib", status="not_affected", statement="inline_mitigations_already_exist",
                 file="vex.json")  # fmt: skip


def found(samples: Samples) -> Examined:
    """One finding that is excused, and one that VEX dismissed."""
    scan = Scan(findings=(samples.finding(),), packages=87, created=samples.now, dismissed=(HERE,))
    return replace(samples.unit(), scan=scan)


def result(samples: Samples, unit: Examined) -> dict[str, Any]:
    plan = samples.plan(rules=replace(samples.rules, ignores=(samples.ignore(),)))
    assert unit.scan is not None
    return scan_result(
        unit.scan,
        excused=excused(plan, [unit]),
        rules=plan.rules,
        database=samples.database(),
        scanner="ghcr.io/aquasecurity/trivy:0.69.3@" + samples.digest("trivy"),
        run="20250120T143000Z-ccccccc-9f2c",
        invocation=Invocation(builder=COMMAND_LINE, version="1.0.0"),
    )


def test_golden_scan_result(samples: Samples, golden: Callable[[str, str], None]) -> None:
    golden("scan-result.json", json.dumps(result(samples, found(samples)), indent=2) + "\n")


def test_every_exception_is_in_it(samples: Samples) -> None:
    said = result(samples, found(samples))["scanner"]["result"]
    (ignored,) = said["excused"]
    assert {key: ignored[key] for key in ("id", "package", "owner", "reason", "expires")} == {
        "id": "CVE-2024-0001", "package": "openssl", "owner": "backend", "reason": "we do not [listen]",
        "expires": "2025-02-28",
    }  # fmt: skip
    assert [(item["id"], item["file"]) for item in said["dismissed"]] == [("CVE-1", "vex.json")]
    assert result(samples, samples.unit())["scanner"]["result"]["excused"] == []


def test_vex_that_took_nothing_away_is_not_attested(samples: Samples) -> None:
    used = Vex(file="vex.json", text='{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}')
    other = Vex(file="other.json", text='{"document": {"category": "csaf_vex"}, "vulnerabilities": []}')
    rules = replace(samples.rules, vex=(other, used))
    assert used_vex(rules, [found(samples)]) == (used,)
    assert used_vex(rules, [samples.unit()]) == ()
    assert (used.predicate, other.predicate) == (OPENVEX, CSAF)
