"""Prove an advisory database before anything is judged by it.

With a database that holds nothing, Trivy finds nothing, and says so with exit code 0: everything would pass.
"""

from __future__ import annotations

import json

import dagger

from pipelines import tools
from pipelines.errors import ToolError
from pipelines.stages.failures import engine_error, message
from pipelines.stages.toolbox import Toolbox

# Known since 2023, in GitHub's advisories and so in every database that Trivy publishes.
ADVISORY = "CVE-2023-32681"
_VULNERABLE = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "components": [
        {"type": "library", "name": "requests", "version": "2.30.0", "purl": "pkg:pypi/requests@2.30.0"},
    ],
}
_SCAN = ("sbom", "--quiet", "--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--format=json")


async def prove(toolbox: Toolbox, folder: dagger.Directory, reference: str) -> None:
    """Let Trivy look for a vulnerability that every database knows.

    Caching is right here, as for every scan: the answer depends on the database's content only.

    :raises ToolError: Trivy cannot read the database, or does not find the vulnerability with it.
    """
    container = (
        toolbox.tool(tools.TRIVY)
        .with_mounted_directory("/trivy/db", folder)
        .with_new_file("/canary.cdx.json", json.dumps(_VULNERABLE))
        .with_exec([*_SCAN, "--cache-dir=/trivy", "/canary.cdx.json"], use_entrypoint=True)
    )
    try:
        report = await container.stdout()
    except dagger.ExecError as failure:
        # If bbolt panics, the reason comes first and the stack after it.
        why = (failure.stderr.strip() or message(failure)).splitlines()[0]
        raise _error(f"cannot be read: {why}", reference) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="database") from failure
    if ADVISORY not in found(report):
        raise _error(f"does not have {ADVISORY}, which every database has", reference)


def found(report: str) -> set[str]:
    """The vulnerabilities in Trivy's JSON report; none if it is no report."""
    try:
        results = json.loads(report).get("Results") or []
        return {item["VulnerabilityID"] for result in results for item in result.get("Vulnerabilities") or []}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()


def _error(what: str, reference: str) -> ToolError:
    return ToolError(
        f"the advisory database {reference} {what}",
        remedy="let the mirror that serves it fetch it again, or name another one with database.repository",
        step="database",
    )
