"""What is compared. Each subject builds the same plan and pushes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.bench.cgroup import Cgroup, Cgroups
from tests.bench.meter import Meter
from tests.bench.samples import Moved, Outcome
from tests.bench.scenarios import Scenario


@dataclass(frozen=True, kw_only=True)
class Work:
    """:param plan: what `sealift plan --json` says of the copy, so that all subjects build the same.

    :param root: the copy of the repository.
    """

    root: Path
    plan: Mapping[str, Any]
    scenario: Scenario


class Subject(Protocol):
    """Something that builds and pushes."""

    name: str

    def engine(self) -> Cgroup | Cgroups:
        """Where its engine's work is accounted."""

    def empty(self) -> None:
        """Forget everything that was built, cached or pushed. Base and tool images stay in the mirror."""

    def run(self, work: Work, meter: Meter) -> Callable[[], Outcome]:
        """Build and push. Only this is measured; what is given back reads what was made, when that is over."""

    def before(self) -> None:
        """Called right before a run, and not measured."""

    def moved(self) -> Moved:
        """What the run since `before` carried."""
