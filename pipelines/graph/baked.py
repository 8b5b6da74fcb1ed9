"""Search what was built for the secrets that its build was given."""

from __future__ import annotations

from pipelines.graph.context import Run
from pipelines.model import Digest, Finding, Unit
from pipelines.stages.baked import baked


async def search(run: Run, unit: Unit, digest: Digest, out: dict[Unit, tuple[Finding, ...]]) -> None:
    """Find out which of its build secrets are in an image. Of a service without any, nothing is asked."""
    wanted = run.plan.service(unit.service).secrets
    if not wanted:
        return
    async with run.step("secrets", unit) as note:
        found = await baked(run.toolbox, unit, digest, await run.build_secrets(wanted))
        out[unit] = found.findings
        note.text = f"{len(found.findings) or 'none'} in the image"
    for name in found.short:
        run.observer.say(f"{unit}: the build secret {name!r} is too short to be looked for in the image")
