"""Scan an image with Trivy: vulnerabilities and secrets, of the exact digest, with one database for the whole run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagger

from pipelines import tools
from pipelines.errors import ToolError
from pipelines.model import Digest, Dismissed, Finding, Scan, Severity, Unit
from pipelines.stages.failures import engine_error, last_words
from pipelines.stages.toolbox import Toolbox, quarantined
from pipelines.vex import Vex

JSON = "scan.json"
SARIF = "scan.sarif"
TABLE = "scan.txt"


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """`files` holds `scan.json`, `scan.sarif` and `scan.txt`."""

    files: dagger.Directory
    scan: Scan


async def scan(
    toolbox: Toolbox, unit: Unit, digest: Digest, database: dagger.Directory, vex: Sequence[Vex] = ()
) -> Scanned:
    """Scan one image; all three reports come from one reading of it.

    Caching is right here: the answer depends on the digest, the database and VEX, and these are in the step's key.

    :raises ToolError: Trivy failed, or its report is empty, partial or not a report.
    """
    where = {"service": unit.service, "platform": unit.platform, "step": "scan"}
    reference = quarantined(unit.service, digest)
    container = toolbox.tool(tools.TRIVY).with_env_variable("TRIVY_NON_SSL", "true")
    command = [*_SCAN, "--platform", unit.platform, reference]
    out, report, files = await reports(toolbox, container, command, database, vex, where)
    return Scanned(files=out, scan=read_report(report, digest, where, files))


async def reports(
    toolbox: Toolbox,
    container: dagger.Container,
    command: Sequence[str],
    database: dagger.Directory,
    vex: Sequence[Vex],
    where: dict[str, str],
) -> tuple[dagger.Directory, str, Mapping[str, str]]:
    """All three reports, the JSON report's text, and path of each VEX document → the file that it is.

    :param command: what Trivy is to scan, and how.
    :raises ToolError: Trivy failed.
    """
    container = container.with_mounted_directory("/trivy/db", database)
    container = container.with_directory("/out", toolbox.client.directory())
    files = {f"/vex/{number}.json": item for number, item in enumerate(vex)}
    for path, item in files.items():
        container = container.with_new_file(path, item.text)
    stated = [word for path in files for word in ("--vex", path)]
    verb, *rest = command
    out = (
        container.with_exec([verb, *_COMMON, *stated, "--output", f"/out/{JSON}", *rest], use_entrypoint=True)
        .with_exec([*_CONVERT, "--format", "sarif", "--output", f"/out/{SARIF}", f"/out/{JSON}"], use_entrypoint=True)
        .with_exec([*_CONVERT, "--format", "table", "--output", f"/out/{TABLE}", f"/out/{JSON}"], use_entrypoint=True)
        .directory("/out")
    )
    try:
        report = await out.file(JSON).contents()
    except dagger.ExecError as failure:
        raise ToolError(f"Trivy: {last_words(failure)}", remedy="run the command again", **where) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, **where) from failure
    return out, report, {path: item.file for path, item in files.items()}


_SCAN = (
    "image",
    "--image-src=remote",
    "--scanners=vuln,secret",
    # Variables, labels and history are in no file.
    "--image-config-scanners=secret",
)
_COMMON = (
    "--quiet",
    "--skip-db-update",
    "--skip-java-db-update",
    "--skip-version-check",
    "--cache-dir=/trivy",
    "--cache-backend=memory",
    "--list-all-pkgs",
    "--format=json",
    # Without it, nobody would know what VEX has taken away.
    "--show-suppressed",
)
_CONVERT = ("convert", "--quiet")
_NAMED = re.compile(r'\s*"([A-Za-z0-9_.-]+)["=]')
"""What Trivy quotes of a configuration, a line of JSON: the name of a variable, a label or a key."""


def read_report(
    text: str,
    digest: Digest,
    where: dict[str, str],
    vex: Mapping[str, str] | None = None,
    *,
    artifact: str = "container_image",
) -> Scan:
    """Trivy's JSON report, schema version 2.

    :param artifact: Trivy's word for what was scanned.
    :param vex: path of each VEX document, as Trivy was given it → the file that it is in the repository.
    :raises ToolError: the text is no whole report, it is about another image, or leaves something out for no document.
    """
    try:
        report = json.loads(text)
        if report["SchemaVersion"] != 2 or report["ArtifactType"] != artifact:
            raise ValueError(f"schema {report['SchemaVersion']!r} of {report['ArtifactType']!r}")
        if digest not in report["ArtifactName"]:
            raise ValueError(f"it is about {report['ArtifactName']!r}")
        results = report.get("Results") or []
        return Scan(
            findings=findings_in(report),
            packages=_packages(results),
            created=datetime.fromisoformat(report["CreatedAt"]),
            distributed=_packages([result for result in results if result.get("Class") == "os-pkgs"]),
            dismissed=tuple(
                Dismissed(
                    id=item["Finding"]["VulnerabilityID"],
                    package=item["Finding"]["PkgName"],
                    status=item["Status"],
                    statement=item.get("Statement") or "",
                    file=(vex or {})[item["Source"]],
                )
                for result in results
                for item in result.get("ExperimentalModifiedFindings") or []
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(
            f"Trivy's report cannot be trusted: {error!r}",
            remedy="run the command again; an image whose report cannot be read does not leave",
            **where,
        ) from error


def findings_in(report: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What a report has found, a distribution at its end first.

    :raises KeyError, TypeError, ValueError, AttributeError: it is no report of Trivy's.
    """
    found = [one for result in report.get("Results") or [] for one in _findings(result, report["ArtifactName"])]
    return (*_end_of_life(report.get("Metadata") or {}), *found)


def _packages(results: Sequence[dict[str, Any]]) -> int:
    return sum(len(result.get("Packages") or []) for result in results)


def _end_of_life(metadata: dict[str, Any]) -> Iterator[Finding]:
    """A distribution for which no advisories are written any more: a scan of it finds less from day to day."""
    system = metadata.get("OS") or {}
    if system.get("EOSL"):
        yield Finding(
            id="end-of-life",
            package=system["Family"],
            installed=system["Name"],
            fixed=None,
            severity=Severity.UNKNOWN,
            title=f"{system['Family']} {system['Name']} is at the end of its life",
            target="distribution",
            kind="distribution",
        )


def _findings(result: dict[str, Any], image: str) -> list[Finding]:
    vulnerabilities = [
        Finding(
            id=item["VulnerabilityID"],
            package=item["PkgName"],
            installed=item.get("InstalledVersion", ""),
            fixed=item.get("FixedVersion") or None,
            severity=Severity[item.get("Severity", "UNKNOWN")],
            title=item.get("Title", ""),
            target=result["Target"],
        )
        for item in result.get("Vulnerabilities") or []
    ]
    secrets = [
        Finding(
            id=item["RuleID"],
            package=item["Category"],
            installed="",
            fixed=None,
            severity=Severity[item["Severity"]],
            title=f"{item['Title']} in {_place(item, result['Target'], image)}",
            target=result["Target"],
            kind="secret",
        )
        for item in result.get("Secrets") or []
    ]
    return vulnerabilities + secrets


def _place(secret: dict[str, Any], target: str, image: str) -> str:
    """Where a secret is. Of one in a file the layer too: a later one may have deleted the file."""
    if target == image:
        name = _NAMED.match(secret.get("Match") or "")
        return "the image's configuration" + (f", {name[1]}" if name else "")
    layer = (secret.get("Layer") or {}).get("Digest")
    return f"{target}, line {secret['StartLine']}" + (f", layer {Digest(layer).short}" if layer else "")
