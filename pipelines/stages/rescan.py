"""Scan what is attested of an image, and not the image: nothing of it is fetched but its SBOM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import dagger

from pipelines import tools
from pipelines.boms import Bom
from pipelines.model import Digest, Unit
from pipelines.stages.scan import Scanned, read_report, reports
from pipelines.stages.toolbox import Toolbox
from pipelines.vex import Vex


async def scan_sbom(
    toolbox: Toolbox, unit: Unit, digest: Digest, bom: Bom, database: dagger.Directory, vex: Sequence[Vex] = ()
) -> Scanned:
    """Scan one SBOM. Never answered from the cache: that it was scanned now is what is wanted to be known.

    Secrets, and what else only an image shows, are in no SBOM.

    :raises ToolError: Trivy failed, or its report is empty, partial or not a report.
    """
    where = {"service": unit.service, "platform": unit.platform, "step": "rescan"}
    path = f"/sbom/{digest}.json"
    with TemporaryDirectory(prefix="sealift-") as folder:
        # An SBOM may have megabytes: as a file, and not in a question to the engine.
        await anyio.Path(folder, "sbom.json").write_text(bom.text, encoding="utf-8")
        file = toolbox.client.host().file(str(Path(folder) / "sbom.json"))
        container = toolbox.asked(toolbox.tool(tools.TRIVY)).with_mounted_file(path, file)
        out, report, files = await reports(toolbox, container, ["sbom", path], database, vex, where)
        scan = read_report(report, digest, where, files, artifact="cyclonedx")
        return Scanned(files=await out.sync(), scan=scan)
