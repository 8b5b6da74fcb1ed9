"""Numbers over runs: median, smallest, largest, and ratios by pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.samples import Results, Sample

MIB = 1024**2


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some runs."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None if there are no values."""
        return cls(median(values), min(values), max(values)) if values else None

    def text(self, digits: int = 1) -> str:
        """`3.1 (2.9 to 3.4)`; the range is left out where it says nothing."""
        middle, least, most = (f"{value:.{digits}f}" for value in (self.median, self.least, self.most))
        return middle if least == most else f"{middle} ({least} to {most})"


@dataclass(frozen=True)
class Figure:
    """Something that is measured of each run.

    :param of: its value; None where a subject has no such thing.
    :param compared: whether a ratio to BuildKit's says something.
    """

    title: str
    of: Callable[[Sample], float | None]
    digits: int = 1
    compared: bool = True


PROBE = "/check /check"
"""What BuildKit and the Dagger engine run now and then to learn whether the other architecture is emulated."""


def emulated(sample: Sample) -> int:
    """Processes that ran under emulation, without the engine's own probe."""
    return sum(count for command, count in sample.usage.emulated.items() if command != PROBE)


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


FIGURES = (
    Figure("wall, s", lambda sample: sample.usage.wall),
    Figure("CPU of client, s", lambda sample: sample.usage.client_cpu),
    Figure("CPU of engine, s", lambda sample: sample.usage.engine_cpu),
    Figure("CPU together, s", lambda sample: sample.usage.client_cpu + sample.usage.engine_cpu),
    Figure("peak memory of client, MiB", lambda sample: sample.usage.client_memory / MIB, digits=0),
    Figure("peak memory of engine, MiB", lambda sample: sample.usage.engine_memory / MIB, digits=0),
    Figure("uploaded to the target, MB", lambda sample: sample.moved.uploaded / 1e6, compared=False),
    Figure("uploads to the target", lambda sample: sample.moved.uploads, digits=0, compared=False),
    Figure("new in the quarantine, MB", lambda sample: _scaled(sample.moved.entered_bytes, 1e6), compared=False),
    Figure("new blobs in the quarantine", lambda sample: sample.moved.entered, digits=0, compared=False),
    Figure("new layers anywhere, MB", lambda sample: sample.moved.layers / 1e6, compared=False),
    Figure("units made, not cached", lambda s: None if s.outcome.made is None else len(s.outcome.made), 0, False),
    Figure("emulated processes", emulated, digits=0, compared=False),
)


def spread(results: Results, subject: str, figure: Figure) -> Spread | None:
    """Over all of a subject's runs."""
    values = [figure.of(sample) for sample in results.of(subject)]
    return Spread.of([value for value in values if value is not None])


def pairs(
    ours: Sequence[Sample], theirs: Sequence[Sample], compare: Callable[[Sample, Sample], float]
) -> Spread | None:
    """A comparison of two subjects' runs, round by round; rounds that only one of them has are left out."""
    by_round = {sample.round: sample for sample in theirs}
    return Spread.of([compare(sample, by_round[sample.round]) for sample in ours if sample.round in by_round])


def ratio(results: Results, subject: str, figure: Figure, to: str = "buildkit") -> Spread | None:
    """A figure's ratio to BuildKit's, by pair. None if it is not compared, or BuildKit's is 0."""
    theirs = [sample for sample in results.of(to) if figure.of(sample)]
    if not figure.compared or not theirs:
        return None
    return pairs(results.of(subject), theirs, lambda ours, other: (figure.of(ours) or 0) / (figure.of(other) or 1))
