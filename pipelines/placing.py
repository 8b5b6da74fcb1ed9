"""Which engine of a pool builds what: natively where one can, and what it is built on beside it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pipelines.model import Platform, Unit
from pipelines.plan import Plan
from pipelines.shards import spread

_EACH = 2
"""Tasks for each engine: one that is faster, or left over when another is lost, finds something to do."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one engine builds at a time.

    :param engines: names of those that are to have it, for the platforms are their own; others take it only when none
        of these is left.
    """

    number: int
    services: tuple[str, ...]
    platforms: tuple[Platform, ...]
    engines: frozenset[str]

    def __str__(self) -> str:
        return f"{' '.join(self.services)} ({', '.join(self.platforms)})"


def place(plan: Plan, engines: Mapping[str, Platform], times: Mapping[Unit, float]) -> tuple[Task, ...]:
    """The plan's images as tasks, the same for the same plan, engines and times.

    :param engines: name → platform that it runs on; at least one.
    :param times: unit → seconds that it took before, see `pipelines.shards`.
    """
    together: dict[frozenset[str], list[Platform]] = {}
    for platform in sorted({platform for service in plan.services for platform in service.platforms}):
        native = frozenset(name for name, own in engines.items() if own == platform)
        # A platform that no engine has is emulated on any. Where all engines are alike, it stays with their own: what a
        # Dockerfile does once for all platforms is done once.
        together.setdefault(native or frozenset(engines), []).append(platform)
    found: list[Task] = []
    for names, platforms in together.items():
        services = tuple(
            replace(service, platforms=wanted)
            for service in plan.services
            if (wanted := tuple(platform for platform in service.platforms if platform in platforms))
        )
        for shard in spread(replace(plan, services=services), _EACH * len(names), times):
            found.append(
                Task(number=len(found) + 1, services=shard.services, platforms=tuple(platforms), engines=names)
            )
    return tuple(found)


def next_task(waiting: Collection[Task], engine: str, living: Collection[str]) -> Task | None:
    """What this engine does next; None if all that waits is for others."""
    return next((task for task in waiting if engine in task.engines or task.engines.isdisjoint(living)), None)
