"""What a run knows of its units, and gets to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from pipelines.graph.reuse import Reuse
from pipelines.model import Digest, Examined, Finding, Unit
from pipelines.plan import Plan
from pipelines.stages.database import Advisories
from pipelines.stages.sbom import Sbom
from pipelines.stages.scan import Scanned


@dataclass
class Examination:
    """What is known of the units so far. Filled by the tasks of `examine`.

    :param built: set as soon as the unit is in the quarantine, so that services built on it can start.
    :param reuse: what is not built; None if everything is.
    :param found: the advisory database, as soon as `looked` is set.
    :param told: manifests and kinds that this run has attested.
    :param tools: name → image that this run uses, by tag and digest; when all is examined.
    """

    built: dict[Unit, anyio.Event]
    reuse: Reuse | None = None
    looked: anyio.Event = field(default_factory=anyio.Event)
    found: Advisories | None = None
    digests: dict[Unit, Digest] = field(default_factory=dict)
    sboms: dict[Unit, Sbom] = field(default_factory=dict)
    scans: dict[Unit, Scanned] = field(default_factory=dict)
    baked: dict[Unit, tuple[Finding, ...]] = field(default_factory=dict)
    examined: dict[Unit, Examined] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    told: set[tuple[Digest, str]] = field(default_factory=set)

    def of(self, service: str) -> list[Examined]:
        """The examined platforms of one service."""
        return [unit for unit in self.examined.values() if unit.image.unit.service == service]

    def reuses(self, service: str) -> bool:
        """Whether its image is one that was released before."""
        return self.reuse is not None and service in self.reuse.sealed


def units_of(plan: Plan) -> list[Unit]:
    """Every unit of the plan, in its order."""
    return [
        Unit(service=service.name, platform=platform) for service in plan.services for platform in service.platforms
    ]


def begin(plan: Plan) -> Examination:
    """Nothing is known yet."""
    return Examination(built={unit: anyio.Event() for unit in units_of(plan)})
