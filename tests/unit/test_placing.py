"""Which engine builds what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.model import Platform, Unit
from pipelines.placing import Task, next_task, place
from pipelines.plan import Plan

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

AMD64, ARM64 = Platform("linux/amd64"), Platform("linux/arm64")
RISCV = Platform("linux/riscv64")


def services(samples: Samples, *names: str) -> Plan:
    return samples.plan([samples.service(name) for name in names])


def units(plan: Plan) -> set[Unit]:
    return {Unit(service=one.name, platform=platform) for one in plan.services for platform in one.platforms}


def built(tasks: tuple[Task, ...]) -> list[Unit]:
    return [
        Unit(service=name, platform=platform) for task in tasks for name in task.services for platform in task.platforms
    ]


def test_each_platform_goes_to_the_engines_that_are_of_it(samples: Samples) -> None:
    plan = services(samples, "a", "b", "c")
    tasks = place(plan, {"x": AMD64, "y": ARM64, "z": ARM64}, {})
    assert sorted(built(tasks)) == sorted(units(plan))
    assert {(task.platforms, task.engines) for task in tasks} == {
        ((AMD64,), frozenset("x")),
        ((ARM64,), frozenset("yz")),
    }
    assert [task.number for task in tasks] == list(range(1, len(tasks) + 1))
    assert place(plan, {"x": AMD64, "y": ARM64, "z": ARM64}, {}) == tasks


def test_where_no_engine_is_of_a_platform_all_of_a_service_is_built_together(samples: Samples) -> None:
    plan = services(samples, "a", "b")
    tasks = place(plan, {"x": AMD64, "y": AMD64}, {})
    assert sorted(built(tasks)) == sorted(units(plan))
    assert {task.platforms for task in tasks} == {(AMD64, ARM64)}
    other = place(plan, {"x": RISCV}, {})
    assert {(task.platforms, task.engines) for task in other} == {((AMD64, ARM64), frozenset("x"))}


def test_what_needs_each_other_is_one_task_and_the_longest_comes_first(samples: Samples) -> None:
    plan = samples.plan([*samples.plan().services, samples.service("slow"), samples.service("quick")])
    times = {Unit(service="slow", platform=platform): 100.0 for platform in (AMD64, ARM64)}
    times |= {unit: 1.0 for unit in units(plan) if unit.service != "slow"}
    tasks = place(plan, {"x": AMD64, "y": AMD64}, times)
    assert [task.services for task in tasks] == [("slow",), ("aidb", "docs"), ("quick",)]


def test_services_on_one_base_are_spread_with_the_base_on_every_engine(samples: Samples) -> None:
    base = samples.service("base")
    on_base = [samples.service(f"on-{number}", needs={"base": "BASE"}) for number in range(8)]
    tasks = place(samples.plan([base, *on_base]), {"x": AMD64, "y": AMD64}, {})
    assert [task.services[0] for task in tasks] == ["base"] * 4
    assert [len(task.services) for task in tasks] == [3, 3, 3, 3]
    assert sorted({unit.service for unit in built(tasks)}) == sorted(["base", *(one.name for one in on_base)])


def test_another_engine_takes_a_task_only_when_none_is_left_that_is_to_have_it() -> None:
    mine = Task(number=1, services=("a",), platforms=(AMD64,), engines=frozenset("x"))
    theirs = Task(number=2, services=("a",), platforms=(ARM64,), engines=frozenset("yz"))
    waiting = [theirs, mine]
    assert next_task(waiting, "x", "xyz") == mine
    assert next_task(waiting, "y", "xyz") == theirs
    assert next_task([theirs], "x", "xz") is None
    assert next_task([theirs], "x", "x") == theirs
    assert next_task([], "x", "x") is None
    assert str(theirs) == "a (linux/arm64)"
