"""What a release would decide now about what is built: the answer of `sealift plan --ask`."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.graph.context import Run
from pipelines.graph.quarantine import held, start
from pipelines.graph.reuse import Reuse, decide
from pipelines.model import Digest


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether a service would be built, and why, in words."""

    service: str
    key: str | None
    index: Digest | None
    why: str

    def as_json(self) -> dict[str, str | None]:
        """For `plan --ask --json`; `index` is what would be reused."""
        return {"service": self.service, "key": self.key, "index": self.index, "why": self.why}


async def asked(run: Run) -> list[Decision]:
    """What a release would decide now. Nothing is fetched or built."""
    reuse = Reuse.of(run.plan)
    async with held(run.toolbox):
        await start(run.toolbox)
        await decide(run, reuse, fetch=False)
    return [
        Decision(
            service=name,
            key=reuse.keys.get(name),
            index=reuse.sealed[name].index if name in reuse.sealed else None,
            why=reuse.why[name],
        )
        for name in reuse.decided
    ]
