from __future__ import annotations

from typing import Any

from pipelines.model import Platform
from pipelines.report.sarif import of_service


def document(uri: str) -> dict[str, Any]:
    physical = {"artifactLocation": {"uri": uri, "uriBaseId": "ROOTPATH"}, "region": {"startLine": 7}}
    return {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Trivy"}},
                "originalUriBaseIds": {"ROOTPATH": {"uri": "file:///"}},
                "results": [{"ruleId": "CVE-1", "locations": [{"physicalLocation": physical}]}],
            }
        ],
    }


def test_each_platform_has_a_category_and_each_result_a_file_of_the_repository() -> None:
    scans = {Platform("linux/arm64"): document("app/b"), Platform("linux/amd64"): document("app/a")}
    made = of_service("web", "services/web/Dockerfile", scans)
    assert [run["automationDetails"]["id"] for run in made["runs"]] == [
        "sealift/web/linux-amd64/", "sealift/web/linux-arm64/",
    ]  # fmt: skip
    (result,) = made["runs"][0]["results"]
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "services/web/Dockerfile"},
                "region": {"startLine": 1},
            },
            "logicalLocations": [{"fullyQualifiedName": "app/a", "kind": "resource"}],
        }
    ]
    assert "originalUriBaseIds" not in made["runs"][0]
    # What was given stays as it was.
    assert scans[Platform("linux/amd64")] == document("app/a")
