"""What the scans of a service found, as one SARIF 2.1.0 document for a code scanning service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pipelines.model import Platform


def of_service(
    service: str, dockerfile: str, scans: Mapping[Platform, Mapping[str, Any]], among: str = ""
) -> dict[str, Any]:
    """The runs of its platforms' documents, each of a category of its own.

    GitHub keeps apart what has another category, takes no two runs of one, and shows a result at a file of the
    repository (GitHub Docs, "SARIF support for code scanning"): the Dockerfile, for what is found has no place in it.

    :param dockerfile: its path in the repository.
    :param scans: Trivy's SARIF document of each platform.
    :param among: what tells the image from others of the same service and platform, where there are some.
    """
    runs = []
    for platform, document in sorted(scans.items()):
        for run in deepcopy(document["runs"]):
            run["automationDetails"] = {"id": f"sealift/{service}/{platform.slug}/{among}"}
            run.pop("originalUriBaseIds", None)
            for result in run.get("results") or ():
                for location in result.get("locations") or ():
                    physical = location.setdefault("physicalLocation", {})
                    within = (physical.get("artifactLocation") or {}).get("uri")
                    location["physicalLocation"] = {"artifactLocation": {"uri": dockerfile}, "region": {"startLine": 1}}
                    if within:
                        location["logicalLocations"] = [{"fullyQualifiedName": within, "kind": "resource"}]
            runs.append(run)
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": runs}
