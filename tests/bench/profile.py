"""Where the time of a run went, from its trace, or from its progress lines if it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.samples import Sample, Step

EXAMINING = ("sbom", "scan")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Of one run, in seconds.

    :param critical: how long the stages of the chain took that the end waited for, without the gaps between them.
    :param stages: stage → how often it ran, and for how long in all.
    :param waited: for the bound on stages at once, in all; None where it is not known.
    :param cpu: seconds of client and engine together.
    """

    wall: float
    critical: float
    path: Sequence[Step]
    stages: dict[str, tuple[int, float]]
    waited: float | None
    cpu: float

    def floor(self, cores: int) -> float:
        """No run with these stages on these cores is shorter."""
        return max(self.critical, self.cpu / cores)

    @property
    def examining(self) -> float:
        """The share of SBOM and scan in the time of all stages."""
        every = sum(seconds for _, seconds in self.stages.values())
        return sum(self.stages.get(name, (0, 0.0))[1] for name in EXAMINING) / every if every else 0.0


def profile(sample: Sample) -> Profile | None:
    """A run's profile; None if the run has neither a trace nor stages."""
    trace, steps = sample.outcome.trace, sample.outcome.steps
    cpu = sample.usage.client_cpu + sample.usage.engine_cpu
    if trace is not None:
        return Profile(
            wall=sample.usage.wall,
            critical=trace["critical_path_seconds"],
            path=[
                Step(name=item["stage"], unit=item["unit"], began=item["start"], seconds=item["seconds"])
                for item in trace["critical_path"]
            ],
            stages={name: (entry["count"], entry["seconds"]) for name, entry in trace["stages"].items()},
            waited=trace["waited_seconds"],
            cpu=cpu,
        )
    if not steps:
        return None
    path = chain(steps)
    stages: dict[str, tuple[int, float]] = {}
    for step in steps:
        count, seconds = stages.get(step.name, (0, 0.0))
        stages[step.name] = (count + 1, seconds + step.seconds)
    critical = sum(step.seconds for step in path)
    return Profile(wall=sample.usage.wall, critical=critical, path=path, stages=stages, waited=None, cpu=cpu)


def chain(steps: Sequence[Step], slack: float = 0.1) -> list[Step]:
    """The chain that the last step to end waited for: before each, the one that ended last before it began.

    :param slack: seconds by which two steps of a chain may overlap; progress lines are rounded to tenths.
    """
    left = sorted(steps, key=_end)
    path = [left[-1]]
    while True:
        begun = path[0]
        before = [step for step in left if step not in path and _end(step) <= begun.began + slack]
        if not before:
            return path
        path.insert(0, before[-1])


def _end(step: Step) -> float:
    return step.began + step.seconds
