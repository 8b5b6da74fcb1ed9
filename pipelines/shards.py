"""Services over several runners, by the time that their images took to build before.

Graham's rule of the longest processing time first ("Bounds on Multiprocessing Timing Anomalies", 1969): the heaviest
group goes to the runner that has least to do. The busiest runner then has at most 4/3 of what the best division would
give it. Services that need each other are one group: each image is built on one runner only.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.model import Platform, Unit
from pipelines.plan import Plan, ServicePlan
from pipelines.record import Record
from pipelines.runners import runners_for


@dataclass(frozen=True, kw_only=True)
class Shard:
    """What one runner builds.

    :param services: in the plan's order; at least one.
    :param seconds: what its images took, one after another; None if nothing was measured.
    """

    name: str
    services: tuple[str, ...]
    seconds: float | None

    def as_json(self) -> dict[str, str]:
        """An entry of a GitHub matrix: texts only, for a workflow puts them into the environment of a step."""
        return {"name": self.name, "services": " ".join(self.services)}


@dataclass(frozen=True, kw_only=True)
class NativeShard:
    """A shard of one platform's images, on a runner of that platform.

    :param runner: its label.
    :param part: in the names of jobs and artifacts: `linux-arm64`, or `linux-arm64-2` of several.
    """

    shard: Shard
    platform: Platform
    runner: str
    part: str

    def as_json(self) -> dict[str, str]:
        """An entry of a GitHub matrix, with all that a job has to know."""
        return {**self.shard.as_json(), "platform": self.platform, "runner": self.runner, "part": self.part}


def measured(record: Record) -> dict[Unit, float]:
    """Seconds of each image that the release built anew; of what it reused, or had cached, nothing can be told."""
    return {
        Unit(service=name, platform=Platform(platform)): unit.seconds
        for name, service in record.services.items()
        if service.reused is None
        for platform, unit in service.platforms.items()
        if not unit.cached
    }


def groups(services: Iterable[ServicePlan]) -> list[tuple[ServicePlan, ...]]:
    """The services of a plan, those that need each other together, directly or not."""
    found: list[tuple[ServicePlan, ...]] = []
    for service in services:
        # The plan has needs first, so each of them is in a group by now.
        joined = [group for group in found if any(one.name in service.needs for one in group)]
        apart = [group for group in found if group not in joined]
        found = [*apart, (*(one for group in joined for one in group), service)]
    return found


def spread(plan: Plan, count: int, times: Mapping[Unit, float]) -> tuple[Shard, ...]:
    """Shards as of `divide`, where what several services are built on may be built on several runners, once on each.

    Images are reproducible, and so are those. Each service that no other needs goes, with all that it needs, to the
    runner that has least to do with it: what is there already costs nothing.
    """
    weight, known = _weights(plan, times)
    needed = {need for service in plan.services for need in service.needs}
    leaves = {service.name: _with_needs(plan, service.name) for service in plan.services if service.name not in needed}
    runners: list[set[str]] = [set() for _ in range(count)]

    def load(names: Iterable[str]) -> float:
        return math.fsum(weight[name] for name in sorted(names))

    for names in (leaves[name] for name in sorted(leaves, key=lambda name: (-load(leaves[name]), name))):
        least = min(range(count), key=lambda runner: (load(runners[runner] | names), len(runners[runner]), runner))
        runners[least] |= names
    return _shards(plan, runners, [load(names) if known else None for names in runners])


def _with_needs(plan: Plan, name: str) -> set[str]:
    return {name}.union(*(_with_needs(plan, need) for need in plan.service(name).needs))


def _weights(plan: Plan, times: Mapping[Unit, float]) -> tuple[dict[str, float], bool]:
    """Service → seconds, and whether any was measured; what was not counts as the mean of what was."""
    units = [
        Unit(service=service.name, platform=platform) for service in plan.services for platform in service.platforms
    ]
    known = [times[unit] for unit in units if unit in times]
    mean = math.fsum(known) / len(known) if known else 1.0
    return {
        service.name: math.fsum(
            times.get(Unit(service=service.name, platform=platform), mean) for platform in service.platforms
        )
        for service in plan.services
    }, bool(known)


def _shards(plan: Plan, runners: Sequence[Collection[str]], loads: Sequence[float | None]) -> tuple[Shard, ...]:
    """Those that have something to do, with their services in the plan's order."""
    full = [(names, seconds) for names, seconds in zip(runners, loads, strict=True) if names]
    return tuple(
        Shard(
            name=f"{place} of {len(full)}",
            services=tuple(service.name for service in plan.services if service.name in names),
            seconds=seconds,
        )
        for place, (names, seconds) in enumerate(full, start=1)
    )


def divide(plan: Plan, count: int, times: Mapping[Unit, float]) -> tuple[Shard, ...]:
    """At most `count` shards, none of them empty; the same for the same plan and times.

    :param count: of runners, at least one.
    :param times: unit → seconds. What has none is taken for as long as the mean of those that have; if there are none
        at all, every image counts the same.
    """
    weights, known = _weights(plan, times)
    runners: list[list[tuple[ServicePlan, ...]]] = [[] for _ in range(count)]
    loads = [0.0] * count

    def weight(group: Sequence[ServicePlan]) -> float:
        return math.fsum(weights[one.name] for one in group)

    for group in sorted(groups(plan.services), key=lambda group: (-weight(group), group[0].name)):
        # Among runners with equally little to do, the one with fewest groups: a time of nothing is a group too.
        least = min(range(count), key=lambda runner: (loads[runner], len(runners[runner]), runner))
        runners[least].append(group)
        loads[least] += weight(group)
    return _shards(
        plan,
        [{one.name for group in held for one in group} for held in runners],
        [load if known else None for load in loads],
    )


def divide_native(
    plan: Plan, count: int, times: Mapping[Unit, float], runners: Mapping[Platform, str]
) -> tuple[NativeShard, ...]:
    """The services of each platform over at most `count` runners of its own, by what that platform's images took.

    A service that a platform is not built for is in none of that platform's shards: a command that was told to build
    it there would refuse to.

    :param runners: platform → label.
    :raises ConfigError: a platform of the plan has no runner.
    """
    platforms = tuple(dict.fromkeys(platform for service in plan.services for platform in service.platforms))
    made: list[NativeShard] = []
    for platform, runner in runners_for(platforms, runners).items():
        services = (replace(one, platforms=(platform,)) for one in plan.services if platform in one.platforms)
        shards = divide(replace(plan, services=tuple(services)), count, times)
        parts = [f"{platform.slug}-{place}" for place in range(1, len(shards) + 1)]
        made += [
            NativeShard(shard=shard, platform=platform, runner=runner, part=part)
            for shard, part in zip(shards, parts if len(shards) > 1 else [platform.slug], strict=True)
        ]
    return tuple(made)
