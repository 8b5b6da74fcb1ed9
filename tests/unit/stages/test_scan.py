from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.errors import ToolError
from pipelines.model import Digest, Dismissed, Finding, Scan, Severity
from pipelines.stages.scan import read_report

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

WHERE = {"service": "aidb", "platform": "linux/arm64", "step": "scan"}
VULNERABILITY = {
    "VulnerabilityID": "CVE-2024-0001",
    "PkgName": "openssl",
    "InstalledVersion": "3.0.1",
    "FixedVersion": "3.0.2",
    "Severity": "HIGH",
    "Title": "openssl: a flaw",
}
SECRET = {
    "RuleID": "private-key",
    "Category": "AsymmetricPrivateKey",
    "Severity": "CRITICAL",
    "Title": "Asymmetric Private Key",
    "StartLine": 3,
}


@pytest.fixture
def digest(samples: Samples) -> Digest:
    return samples.digest("aidb")


def report(digest: str, **changes: Any) -> dict[str, Any]:
    """As Trivy 0.69.3 writes it, in what is read."""
    return {
        "SchemaVersion": 2,
        "CreatedAt": "2025-01-20T14:30:00.123456789Z",
        "ArtifactName": f"quarantine:5000/aidb@{digest}",
        "ArtifactType": "container_image",
        "Results": [
            {
                "Target": "quarantine:5000/aidb (debian 12.8)",
                "Class": "os-pkgs",
                "Packages": [{"Name": "openssl"}, {"Name": "zlib"}],
                "Vulnerabilities": [VULNERABILITY],
            },
            {"Target": "app/requirements.txt", "Packages": [{"Name": "starlette"}]},
            {"Target": "/app/key.pem", "Class": "secret", "Secrets": [SECRET]},
        ],
        **changes,
    }


def read(digest: Digest, document: Any) -> Scan:
    return read_report(json.dumps(document), digest, WHERE)


def test_a_good_report(digest: Digest) -> None:
    assert read(digest, report(digest)) == Scan(
        findings=(
            Finding(
                id="CVE-2024-0001",
                package="openssl",
                installed="3.0.1",
                fixed="3.0.2",
                severity=Severity.HIGH,
                title="openssl: a flaw",
                target="quarantine:5000/aidb (debian 12.8)",
            ),
            Finding(
                id="private-key",
                package="AsymmetricPrivateKey",
                installed="",
                fixed=None,
                severity=Severity.CRITICAL,
                title="Asymmetric Private Key in /app/key.pem, line 3",
                target="/app/key.pem",
                kind="secret",
            ),
        ),
        packages=3,
        distributed=2,
        created=datetime(2025, 1, 20, 14, 30, 0, 123456, tzinfo=UTC),
    )


LEFT_OUT = {
    "Type": "vulnerability",
    "Status": "not_affected",
    "Statement": "vulnerable_code_not_in_execute_path",
    "Source": "/vex/0.json",
    "Finding": VULNERABILITY,
}


def test_what_vex_takes_away_is_known(digest: Digest) -> None:
    results = [{"Target": "x", "Packages": [{"Name": "openssl"}], "ExperimentalModifiedFindings": [LEFT_OUT]}]
    scan = read_report(json.dumps(report(digest, Results=results)), digest, WHERE, {"/vex/0.json": "vex/a.json"})
    assert scan.findings == ()
    assert scan.dismissed == (
        Dismissed(
            id="CVE-2024-0001",
            package="openssl",
            status="not_affected",
            statement="vulnerable_code_not_in_execute_path",
            file="vex/a.json",
        ),
    )


@pytest.mark.parametrize("left_out", [LEFT_OUT, LEFT_OUT | {"Source": ".trivyignore"}, {}])
def test_what_nobody_told_the_scanner_to_leave_out(digest: Digest, left_out: dict[str, Any]) -> None:
    results = [{"Target": "x", "ExperimentalModifiedFindings": [left_out]}]
    with pytest.raises(ToolError, match="cannot be trusted"):
        read(digest, report(digest, Results=results))


def test_a_distribution_at_the_end_of_its_life(digest: Digest) -> None:
    system = {"Family": "debian", "Name": "9.13"}
    assert read(digest, report(digest, Metadata={"OS": system})).findings == read(digest, report(digest)).findings
    first, *rest = read(digest, report(digest, Metadata={"OS": {**system, "EOSL": True}})).findings
    assert (first.kind, first.id, first.package, first.installed) == ("distribution", "end-of-life", "debian", "9.13")
    assert tuple(rest) == read(digest, report(digest)).findings


@pytest.mark.parametrize("results", [None, [], [{"Target": "x", "Packages": None, "Vulnerabilities": None}]])
def test_a_report_that_found_nothing(digest: Digest, results: Any) -> None:
    scan = read(digest, report(digest, Results=results))
    assert (scan.findings, scan.packages) == ((), 0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"FixedVersion": ""}, {"fixed": None}),
        ({"FixedVersion": "1.2, 3.4"}, {"fixed": "1.2, 3.4"}),
        ({"Severity": "UNKNOWN"}, {"severity": Severity.UNKNOWN}),
        ({"Title": ""}, {"title": ""}),
    ],
)
def test_what_a_vulnerability_may_say(digest: Digest, changes: dict[str, Any], expected: dict[str, Any]) -> None:
    results = [{"Target": "x", "Vulnerabilities": [VULNERABILITY | changes]}]
    (finding,) = read(digest, report(digest, Results=results)).findings
    assert {name: getattr(finding, name) for name in expected} == expected


@pytest.mark.parametrize("name", ["FixedVersion", "Severity", "Title", "InstalledVersion"])
def test_what_trivy_leaves_out_when_it_does_not_know(digest: Digest, name: str) -> None:
    item = {key: value for key, value in VULNERABILITY.items() if key != name}
    (finding,) = read(digest, report(digest, Results=[{"Target": "x", "Vulnerabilities": [item]}])).findings
    assert finding.id == "CVE-2024-0001"
    assert finding.severity == (Severity.UNKNOWN if name == "Severity" else Severity.HIGH)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-20T14:30:05Z", datetime(2025, 1, 20, 14, 30, 5, tzinfo=UTC)),
        ("2025-01-20T14:30:05.1Z", datetime(2025, 1, 20, 14, 30, 5, tzinfo=UTC)),
        ("2025-01-20T14:30:05.123456789Z", datetime(2025, 1, 20, 14, 30, 5, tzinfo=UTC)),
        ("2025-01-20T14:30:05.123456789+02:00", datetime(2025, 1, 20, 12, 30, 5, tzinfo=UTC)),
        ("2025-01-20T14:30:05.123456789-05:30", datetime(2025, 1, 20, 20, 0, 5, tzinfo=UTC)),
        ("2025-01-20T14:30:05+02:00", datetime(2025, 1, 20, 12, 30, 5, tzinfo=UTC)),
    ],
)
def test_times(digest: Digest, text: str, expected: datetime) -> None:
    created = read(digest, report(digest, CreatedAt=text)).created
    assert created.tzinfo is not None
    assert created.replace(microsecond=0) == expected


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def item(**changes: Any) -> dict[str, Any]:
    return {"Results": [{"Target": "x", "Vulnerabilities": [VULNERABILITY | changes]}]}


@pytest.mark.parametrize(
    "change",
    [
        lambda good: good | {"SchemaVersion": 3},
        lambda good: good | {"SchemaVersion": "2"},
        lambda good: good | {"ArtifactType": "filesystem"},
        lambda good: good | {"ArtifactName": "quarantine:5000/aidb@sha256:" + "0" * 64},
        lambda good: good | {"ArtifactName": "quarantine:5000/aidb:linux-arm64"},
        lambda good: good | {"ArtifactName": None},
        lambda good: good | {"CreatedAt": "yesterday"},
        lambda good: good | {"CreatedAt": None},
        lambda good: good | {"Results": {"Target": "x"}},
        lambda good: good | {"Results": [None]},
        lambda good: good | {"Results": [{"Vulnerabilities": [VULNERABILITY]}]},
        lambda good: good | item(Severity="SEVERE"),
        lambda good: good | item(Severity="high"),
        lambda good: good | item(Severity=None),
        lambda good: without(good, "SchemaVersion"),
        lambda good: without(good, "ArtifactName"),
        lambda good: without(good, "CreatedAt"),
        lambda good: good | {"Results": [{"Target": "x", "Vulnerabilities": [{}]}]},
        lambda good: good | {"Results": [{"Target": "x", "Secrets": [without(SECRET, "Severity")]}]},
        lambda _: [],
        lambda _: None,
        lambda _: "report",
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused(digest: Digest, change: Any) -> None:
    with pytest.raises(ToolError, match="Trivy's report cannot be trusted") as caught:
        read(digest, change(report(digest)))
    assert caught.value.where == "aidb linux/arm64 scan"
    assert "does not leave" in caught.value.remedy


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_half_a_report_is_refused(digest: Digest, part: float) -> None:
    text = json.dumps(report(digest))
    with pytest.raises(ToolError, match="cannot be trusted"):
        read_report(text[: int(len(text) * part)], digest, WHERE)


def test_a_secret_is_told_with_its_layer_or_as_part_of_the_configuration(samples: Samples, digest: Digest) -> None:
    layer = samples.digest("layer")
    document = report(digest)
    document["Results"] = [
        {"Target": "/app/key.pem", "Class": "secret", "Secrets": [SECRET | {"Layer": {"Digest": layer}}]},
        {
            "Target": document["ArtifactName"],
            "Class": "secret",
            "Secrets": [
                SECRET | {"Layer": {}},
                SECRET | {"Match": '    "API_TOKEN=****",'},
                SECRET | {"Match": '  "created_by": "ARG ****"'},
                SECRET | {"Match": '"****"'},
            ],
        },
    ]
    assert [finding.title for finding in read(digest, document).findings] == [
        f"Asymmetric Private Key in /app/key.pem, line 3, layer {layer.short}",
        "Asymmetric Private Key in the image's configuration",
        "Asymmetric Private Key in the image's configuration, API_TOKEN",
        "Asymmetric Private Key in the image's configuration, created_by",
        "Asymmetric Private Key in the image's configuration",
    ]
