"""What is attested of a scan: what was found, by which database, and what was excused or dismissed. Pure.

Cosign's vulnerability predicate (sigstore/cosign, specs/COSIGN_VULN_ATTESTATION_SPEC.md). `result` is the scanner's own
there; here it is the findings, and not the list of all packages: that is the SBOM, which is attested too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipelines.descriptors import purl
from pipelines.findings import Excused
from pipelines.invocation import Invocation
from pipelines.model import Database, Finding, Scan
from pipelines.plan import Rules


def scan_result(
    scan: Scan,
    *,
    excused: Sequence[Excused],
    rules: Rules,
    database: Database,
    scanner: str,
    run: str,
    invocation: Invocation,
) -> dict[str, Any]:
    """The predicate for one image.

    :param excused: the ignores without which this image would not leave.
    :param scanner: the scanner's image, by tag and digest.
    :param run: the run's id.
    """
    name, _, digest = scanner.partition("@")
    time = scan.created.isoformat()
    return {
        "invocation": {
            "parameters": {
                "severity": rules.severity.name,
                "onlyFixed": rules.only_fixed,
                "licences": {"allow": list(rules.allow_licences), "deny": list(rules.deny_licences)},
                "vex": [{"file": item.file, "digest": item.digest} for item in rules.vex],
            },
            "uri": invocation.id or "",
            "event_id": run,
            "builder.id": invocation.builder,
        },
        "scanner": {
            "uri": purl(name, digest),
            "version": name.rpartition(":")[2],
            "db": {
                "uri": database.reference,
                "version": database.digest,
                "lastUpdate": database.updated.isoformat(),
                "sample": database.sample,
            },
            "result": {
                "packages": scan.packages,
                "findings": [_finding(finding) for finding in scan.findings],
                "excused": [item.ignore.as_json() for item in excused],
                "dismissed": [asdict(item) for item in scan.dismissed],
            },
        },
        # The report has one time. It may be from an earlier run: the same image and database were scanned then.
        "metadata": {"scanStartedOn": time, "scanFinishedOn": time},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "package": finding.package,
        "installed": finding.installed,
        "fixed": finding.fixed,
        "severity": finding.severity.name,
        "kind": finding.kind,
        "target": finding.target,
    }
