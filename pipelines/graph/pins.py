"""The digests that a service is built on."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.graph.context import Run
from pipelines.images import parse_image
from pipelines.model import Digest
from pipelines.plan import ServicePlan
from pipelines.stages.pins import applies, not_applied


async def pins_of(run: Run, service: ServicePlan) -> Mapping[str, Digest]:
    """Image as the Dockerfile has it → its digest, of those that the lock or the Dockerfile pins."""
    return {
        written: digest
        for written, digest in service.pins.items()
        if "@" in written or await _applies(run, str(parse_image(written)))
    }


async def _applies(run: Run, name: str) -> bool:
    """Asked, and said, once in a run."""
    locked = run.plan.lock.bases[name] if run.plan.lock else None
    if locked is None:
        return True

    async def ask() -> str:
        if await applies(run.toolbox.client, locked, run.toolbox.mirrored):
            return "applies"
        run.observer.say(not_applied(name))
        return "rebuilt"

    return await run.toolbox.once(f"lock of {name}", ask) == "applies"
