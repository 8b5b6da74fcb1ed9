"""What a run's summary is written to: the folder of its results, and the summary of a GitHub job."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ci import terminal
from pipelines.config import Config
from pipelines.config.paths import resolve_paths
from pipelines.errors import ConfigError
from pipelines.graph.rescan import Found
from pipelines.release import Release
from pipelines.report import markdown, sarif, summary
from pipelines.stages.scan import SARIF
from pipelines.trace import Trace

JOB_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file whose Markdown GitHub shows on the job's page (GitHub Docs, "Workflow commands")."""

LIMIT = 1 << 20
"""Bytes of a job's summary; GitHub shows nothing of a longer one."""

_CUT = "\n\n*The rest is left out here: a job's summary may have 1 MiB. It is in summary.md.*\n"


def write_summaries(record: Release, out: Path, trace: Trace, environ: Mapping[str, str]) -> None:
    """Write `summary.txt`, `summary.md` and `sarif/`, and in GitHub Actions the job's summary."""
    (out / "summary.txt").write_text(summary.text(record, out=str(out), trace=trace), encoding="utf-8")
    write_sarif(record, out)
    text = markdown.markdown(record)
    (out / "summary.md").write_text(text, encoding="utf-8")
    add_to_job(text, environ)


def write_sarif(record: Release, out: Path) -> None:
    """Write `sarif/SERVICE.sarif` from the scans in the reports, in place of what was there."""
    folder = out / "sarif"
    shutil.rmtree(folder, ignore_errors=True)
    for service in record.plan.services:
        scans = {
            unit.image.unit.platform: json.loads(
                (out / "reports" / service.name / unit.image.unit.platform.slug / SARIF).read_text(encoding="utf-8")
            )
            for unit in record.of(service.name)
            if unit.scan
        }
        if scans:
            folder.mkdir(exist_ok=True)
            document = sarif.of_service(service.name, str(service.context / service.dockerfile), scans)
            (folder / f"{service.name}.sarif").write_text(json.dumps(document, indent=1), encoding="utf-8")


async def write_rescanned(results: Sequence[Found], folder: Path, config: Config) -> None:
    """Write `SERVICE/PLATFORM-DIGEST.sarif` of images that were scanned again.

    Their categories are those of the release's own scans, which they replace; of several images of one service and
    platform, each has one of its own.

    :raises ConfigError: the folder cannot be written.
    """
    images = Counter(one.rescanned.unit for one in results)
    for one in results:
        unit, digest = one.rescanned.unit, one.rescanned.digest.short
        scanned = json.loads(await one.scanned.files.file(SARIF).contents())
        service = config.services.get(unit.service)
        dockerfile = str(resolve_paths(unit.service, service).dockerfile) if service else "Dockerfile"
        among = f"{digest}/" if images[unit] > 1 else ""
        document = sarif.of_service(unit.service, dockerfile, {unit.platform: scanned}, among)
        file = folder / unit.service / f"{unit.platform.slug}-{digest}.sarif"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(document, indent=1), encoding="utf-8")
        except OSError as failure:
            raise ConfigError(
                f"the reports cannot be written to {folder}: {failure}", remedy="name another folder", step="reports"
            ) from failure


def add_to_job(text: str, environ: Mapping[str, str]) -> None:
    """Append Markdown to the job's summary, as far as it has room. That it cannot be written fails no release."""
    if not (name := environ.get(JOB_SUMMARY)):
        return
    file = Path(name)
    try:
        room = LIMIT - (file.stat().st_size if file.exists() else 0)
        content = text.encode()
        if len(content) > room:
            cut = _CUT.encode()
            content = content[: max(room - len(cut), 0)].decode(errors="ignore").rpartition("\n")[0].encode() + cut
        with file.open("ab") as opened:
            opened.write(content[: max(room, 0)])
    except OSError as error:
        terminal.report(f"The job's summary could not be written: {error}")
