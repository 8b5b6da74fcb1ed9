from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from pipelines.model import Unit
from pipelines.record import read
from pipelines.runners import HOSTED
from pipelines.shards import divide, divide_native, groups, measured
from tests.unit.conftest import Samples

if TYPE_CHECKING:
    from pipelines.plan import Plan

SAMPLES = Samples()
AMD64, ARM64 = SAMPLES.amd64, SAMPLES.arm64


def plan_of(needs: dict[str, list[str]]) -> Plan:
    """Services in this order, for amd64 alone."""
    return SAMPLES.plan([
        SAMPLES.service(name, needs={need: need.upper() for need in needed}, platforms=(AMD64,))
        for name, needed in needs.items()
    ])  # fmt: skip


def seconds(**times: float) -> dict[Unit, float]:
    return {Unit(service=name, platform=AMD64): time for name, time in times.items()}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Plan, dict[Unit, float]]:
    """A plan, each service after those that it needs, and how long some of its images took."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 12)))]
    needs = {
        name: draw(st.lists(st.sampled_from(names[:place]), max_size=2, unique=True)) if place else []
        for place, name in enumerate(names)
    }
    known = draw(st.lists(st.sampled_from(names), unique=True))
    times = seconds(**{name: draw(st.floats(0, 3600)) for name in known})
    return plan_of(needs), times


@given(cases(), st.integers(1, 15))
def test_each_service_is_in_one_shard_with_all_that_it_needs(case: tuple[Plan, dict[Unit, float]], count: int) -> None:
    plan, times = case
    shards = divide(plan, count, times)
    names = [name for shard in shards for name in shard.services]
    assert sorted(names) == sorted(service.name for service in plan.services)
    assert len(shards) <= count
    assert all(shard.services for shard in shards)
    for shard in shards:
        for name in shard.services:
            assert set(plan.service(name).needs) <= set(shard.services)


@given(cases(), st.integers(1, 15))
def test_no_runner_has_more_than_greedy_division_allows(case: tuple[Plan, dict[Unit, float]], count: int) -> None:
    plan, times = case
    times = {unit: times.get(unit, 1.0) for unit in (Unit(service=s.name, platform=AMD64) for s in plan.services)}
    weights = [sum(times[Unit(service=one.name, platform=AMD64)] for one in group) for group in groups(plan.services)]
    bound = math.fsum(weights) / count + (1 - 1 / count) * max(weights)
    for shard in divide(plan, count, times):
        assert shard.seconds is not None
        assert shard.seconds <= bound + 1e-6


@given(cases(), st.integers(1, 15), st.randoms())
def test_the_division_depends_on_nothing_but_services_and_times(
    case: tuple[Plan, dict[Unit, float]], count: int, random: object
) -> None:
    plan, times = case
    shuffled = list(times.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert divide(plan, count, dict(shuffled)) == divide(plan, count, times)


def test_the_longest_goes_first_to_whom_has_least_to_do() -> None:
    plan = plan_of({"a": [], "b": [], "c": [], "d": []})
    made = divide(plan, 2, seconds(a=10, b=60, c=30, d=30))
    assert [(shard.name, shard.services, shard.seconds) for shard in made] == [
        ("1 of 2", ("a", "b"), 70),
        ("2 of 2", ("c", "d"), 60),
    ]
    assert made[0].as_json() == {"name": "1 of 2", "services": "a b"}


def test_needs_are_kept_together_through_a_third_that_both_need() -> None:
    plan = plan_of({"base": [], "alone": [], "web": ["base"], "jobs": ["base"]})
    assert [shard.services for shard in divide(plan, 4, {})] == [("base", "web", "jobs"), ("alone",)]


def test_without_times_images_count_the_same_and_no_seconds_are_told() -> None:
    both = plan_of({"a": [], "b": [], "c": []})
    wide = replace(both, services=(replace(both.services[0], platforms=(AMD64, ARM64)), *both.services[1:]))
    assert [(shard.services, shard.seconds) for shard in divide(wide, 2, {})] == [(("a",), None), (("b", "c"), None)]


def test_what_was_not_measured_counts_as_the_mean() -> None:
    made = divide(plan_of({"a": [], "b": [], "new": []}), 2, seconds(a=10, b=50))
    assert [(shard.services, shard.seconds) for shard in made] == [(("b",), 50), (("a", "new"), 40)]


def test_only_what_was_built_anew_was_measured() -> None:
    record = read(SAMPLES.published().text(), "the sample")
    assert measured(record) == {Unit(service=name, platform=AMD64): 12.34 for name in ("aidb", "docs")}
    taken = {name: service.model_copy(update={"reused": "ghcr.io/x"}) for name, service in record.services.items()}
    assert measured(record.model_copy(update={"services": taken})) == {}


def test_a_plan_of_nothing_has_no_shard() -> None:
    assert divide(replace(SAMPLES.plan(), services=()), 3, {}) == ()


def test_each_platform_is_divided_by_itself_among_the_services_that_it_is_built_for() -> None:
    plan = SAMPLES.plan([
        SAMPLES.service("a", platforms=(AMD64, ARM64)),
        SAMPLES.service("b", platforms=(AMD64,), needs={"a": "A"}),
        SAMPLES.service("c", platforms=(AMD64,)),
    ])  # fmt: skip
    made = [one.as_json() for one in divide_native(plan, 4, {}, HOSTED)]
    amd64 = {"platform": "linux/amd64", "runner": "ubuntu-24.04"}
    arm64 = {"platform": "linux/arm64", "runner": "ubuntu-24.04-arm"}
    assert made == [
        {"name": "1 of 2", "services": "a b", **amd64, "part": "linux-amd64-1"},
        {"name": "2 of 2", "services": "c", **amd64, "part": "linux-amd64-2"},
        {"name": "1 of 1", "services": "a", **arm64, "part": "linux-arm64"},
    ]


def test_a_platform_is_divided_by_what_its_own_images_took() -> None:
    plan = SAMPLES.plan([SAMPLES.service(name) for name in ("a", "b", "c")])
    slow = {AMD64: "a", ARM64: "c"}
    times = {
        Unit(service=name, platform=platform): 9.0 if slow[platform] == name else 1.0
        for platform in slow
        for name in ("a", "b", "c")
    }
    made = divide_native(plan, 2, times, HOSTED)
    assert [one.shard.services for one in made] == [("a",), ("b", "c"), ("c",), ("a", "b")]


@given(cases(), st.integers(1, 15))
def test_parts_have_names_of_their_own(case: tuple[Plan, dict[Unit, float]], count: int) -> None:
    plan, times = case
    both = replace(plan, services=tuple(replace(one, platforms=(AMD64, ARM64)) for one in plan.services))
    parts = [one.part for one in divide_native(both, count, times, HOSTED)]
    assert len(set(parts)) == len(parts)
