"""What the project promises of its speed, and whether a run of the benchmark keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.bench.checkout import EDITED
from tests.bench.figures import Spread, emulated, pairs
from tests.bench.machine import cores
from tests.bench.profile import Profile, profile
from tests.bench.samples import Results, Sample

BUILD, GATE, PLAIN = "sealift-build", "sealift-gate", "buildkit"

Kept = Mapping[str, Results]
"""Scenario → its results; those that were not run are missing."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """:param measured: the value over all runs; None if what it needs was not run.

    :param limit: the value's median must not be above it.
    """

    title: str
    limit: float
    unit: str
    measured: Callable[[Kept], Spread | None]
    digits: int = 1


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A target beside what was measured. `met` is None if nothing was."""

    title: str
    limit: str
    value: str
    met: bool | None


def judge(target: Target, kept: Kept) -> Verdict:
    """By the median: single runs on a shared machine say little."""
    limit = f"≤ {target.limit:g}{target.unit}"
    spread = target.measured(kept)
    if spread is None:
        return Verdict(title=target.title, limit=limit, value="not measured", met=None)
    value = spread.text(target.digits) + target.unit
    return Verdict(title=target.title, limit=limit, value=value, met=spread.median <= target.limit)


def _each(scenario: str, subject: str, value: Callable[[Sample], float | None]) -> Callable[[Kept], Spread | None]:
    """A value of each run of a subject."""

    def measured(kept: Kept) -> Spread | None:
        values = [value(sample) for sample in kept[scenario].of(subject)] if scenario in kept else []
        return Spread.of([item for item in values if item is not None])

    return measured


def _pair(
    ours: tuple[str, str], theirs: tuple[str, str], compare: Callable[[float, float], float]
) -> Callable[[Kept], Spread | None]:
    """Wall seconds of two scenarios and subjects, compared round by round."""

    def measured(kept: Kept) -> Spread | None:
        if ours[0] not in kept or theirs[0] not in kept:
            return None
        return pairs(
            kept[ours[0]].of(ours[1]),
            kept[theirs[0]].of(theirs[1]),
            lambda one, other: compare(one.usage.wall, other.usage.wall),
        )

    return measured


def others_made(sample: Sample) -> float | None:
    """Units of other services than the changed one that were made again."""
    made = sample.outcome.made
    return None if made is None else sum(unit.split()[0] != EDITED for unit in made)


def _profiled(
    scenario: str, value: Callable[[Profile, int], float], subject: str = GATE
) -> Callable[[Kept], Spread | None]:
    def measured(kept: Kept) -> Spread | None:
        if scenario not in kept:
            return None
        found = [profile(sample) for sample in kept[scenario].of(subject)]
        return Spread.of([value(item, cores(kept[scenario].machine)) for item in found if item is not None])

    return measured


def _layers(sample: Sample) -> float:
    return sample.moved.layers


def _wall(sample: Sample) -> float:
    return sample.usage.wall


_ONE_FILE = {
    "nothing": "nothing changed",
    "source": "one source file changed",
    "lock": "one lock file changed",
    "readme": "README changed",
}

TARGETS = (
    Target(
        title="build and push, cold, over plain BuildKit",
        limit=1.25,
        unit=" times",
        measured=_pair(("cold", BUILD), ("cold", PLAIN), lambda ours, other: ours / other),
        digits=2,
    ),
    *(
        Target(
            title=f"build and push, {what}, beyond plain BuildKit",
            limit=4,
            unit=" s",
            measured=_pair((name, BUILD), (name, PLAIN), lambda ours, other: ours - other),
        )
        for name, what in _ONE_FILE.items()
    ),
    Target(title="build-all, nothing changed", limit=15, unit=" s", measured=_each("nothing", GATE, _wall)),
    Target(
        title="build-all, nothing changed: layer bytes uploaded",
        limit=0,
        unit=" bytes",
        measured=_each("nothing", GATE, _layers),
        digits=0,
    ),
    Target(title="build-all, one source file changed", limit=45, unit=" s", measured=_each("source", GATE, _wall)),
    Target(
        title="build-all, one source file changed: units of other services made again",
        limit=0,
        unit="",
        measured=_each("source", GATE, others_made),
        digits=0,
    ),
    Target(
        title="SBOM and scan, share of a cold build-all's stages",
        limit=25,
        unit=" %",
        measured=_profiled("cold", lambda item, _: 100 * item.examining),
        digits=0,
    ),
    *(
        Target(
            title=f"{verb}, cold, both platforms over amd64 alone",
            limit=1.35,
            unit=" times",
            measured=_pair(("cold", subject), ("cold-amd64", subject), lambda ours, other: ours / other),
            digits=2,
        )
        for verb, subject in (("build", BUILD), ("build-all", GATE))
    ),
    Target(
        title="emulated processes in a cold build",
        limit=0,
        unit="",
        measured=_each("cold", BUILD, emulated),
        digits=0,
    ),
    *(
        Target(
            title=f"build-all, {what}: wall over the greater of critical path and CPU seconds per core",
            limit=1.25,
            unit=" times",
            measured=_profiled(name, lambda item, cores: item.wall / item.floor(cores)),
            digits=2,
        )
        for name, what in (("cold", "cold"), ("source", "one source file changed"), ("nothing", "nothing changed"))
    ),
)
