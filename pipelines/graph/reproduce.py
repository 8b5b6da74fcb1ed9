"""Build the same thing twice, each time as if nothing had been built before, and compare the digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pipelines.graph.context import Run
from pipelines.graph.examination import begin, units_of
from pipelines.graph.explain import Explained, explained
from pipelines.graph.quarantine import held, start
from pipelines.graph.together import together
from pipelines.graph.units import build_one
from pipelines.model import Digest, Unit


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """A unit that was built twice: its digests, and what differs if they do."""

    unit: Unit
    digests: tuple[Digest, Digest]
    told: Explained = field(default_factory=Explained)

    @property
    def same(self) -> bool:
        return len(set(self.digests)) == 1

    def as_json(self) -> dict[str, Any]:
        """For `reproduce --json`."""
        return {
            "service": self.unit.service,
            "platform": self.unit.platform,
            "digests": list(self.digests),
            "same": self.same,
            "differences": list(self.told.differences),
            "layers": [layer.as_json() for layer in self.told.layers],
        }


async def reproduce(run: Run) -> Sequence[Reproduced]:
    """Build every unit of the plan twice, in its order.

    :raises SealiftError: it does not build.
    """
    units = units_of(run.plan)
    found: dict[Unit, Reproduced] = {}

    async def compare(unit: Unit, *digests: Digest) -> None:
        one = Reproduced(unit=unit, digests=(digests[0], digests[1]))
        if not one.same:
            one = replace(one, told=await explained(run, unit.service, *one.digests))
        found[unit] = one

    async with held(run.toolbox):
        await start(run.toolbox)
        # One after the other: what takes the time of day from the clock must see another.
        first, second = [await _built(run, number) for number in ("first", "second")]
        async with run.step("compare") as note:
            await together(partial(compare, unit, first[unit], second[unit]) for unit in units)
            different = sum(not one.same for one in found.values())
            note.text = f"{different} of {len(found)} differ" if different else "all the same"
    return [found[unit] for unit in units]


async def _built(run: Run, number: str) -> Mapping[Unit, Digest]:
    """Every unit's digest, with every step run again, and cache mounts that nothing has filled."""
    run.observer.say(f"The {number} build, without caches")
    afresh = replace(run, options=replace(run.options, no_cache=True, caches=f"{run.id}-{number}/"))
    examination = begin(run.plan)
    await together(partial(build_one, afresh, examination, unit) for unit in examination.built)
    return examination.digests
