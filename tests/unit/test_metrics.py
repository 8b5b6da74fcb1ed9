"""What a run is measured by: from its trace and from what it examined."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.metrics import METRICS, RUN, RUNS, Value, values
from pipelines.model import Dismissed, Severity
from pipelines.trace import Result, Stage, Step, Trace

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


def stage(name: str, unit: str = "aidb", **changes: Any) -> Stage:
    made = Stage(stage=name, unit=unit, asked=1.0, start=1.5, seconds=2.0, result="success")
    return made.model_copy(update=changes)


def trace(*stages: Stage, result: Result = "success", steps: tuple[Step, ...] | None = None) -> Trace:
    return Trace(
        run="20250120T143000Z-abc1234-9f2c", command="build-all", result=result, trace_id="0" * 32,
        started=datetime(2025, 1, 20, tzinfo=UTC), jobs=4, wall_seconds=63.0, engine="here", stages=stages, steps=steps,
    )  # fmt: skip


def named(found: tuple[Value, ...], name: str) -> dict[tuple[str, ...], float]:
    """Attributes but the environment, in the metric's order → value."""
    (metric,) = [metric for metric in METRICS if metric.name == name]
    return {
        tuple(item.attributes[attribute] for attribute in metric.attributes[1:]): item.value
        for item in found
        if item.metric is metric
    }


@pytest.mark.parametrize(
    ("result", "refused", "outcome"),
    [
        ("success", False, "success"),
        ("failure", True, "refused"),
        ("failure", False, "error"),
        ("error", False, "error"),
        ("cancellation", False, "cancelled"),
    ],
)
def test_a_run_counts_once_by_how_it_ended_and_not_for_the_others(result: Result, refused: bool, outcome: str) -> None:
    found = values(trace(result=result), "prod", refused=refused)
    wanted = {("build-all", name): int(name == outcome) for name in ("success", "refused", "error", "cancelled")}
    assert named(found, RUNS.name) == wanted
    assert named(found, RUN.name) == {("build-all", outcome): 63.0}
    assert {item.attributes["environment"] for item in found} == {"prod"}


def test_a_run_that_ended_before_its_environment_was_known() -> None:
    assert {item.attributes["environment"] for item in values(trace(result="failure"), "")} == {"unknown"}


def test_a_stage_has_its_time_at_work_and_in_the_queue() -> None:
    found = values(trace(stage("build"), stage("scan", result="error", asked=1.5)), "prod")
    assert named(found, "sealift.stage.duration") == {("build", "success"): 2.0, ("scan", "error"): 2.0}
    assert named(found, "sealift.stage.queue.duration") == {("build",): 0.5, ("scan",): 0.0}


def test_copies_and_tag_moves_are_pushes_and_what_was_cancelled_is_not() -> None:
    made = trace(
        stage("copy"), stage("copy", "docs", result="failure"), stage("copy", "web", result="cancellation"),
        stage("tag", result="error"), stage("verify"),
    )  # fmt: skip
    assert named(values(made, "prod"), "sealift.pushes") == {
        ("copy", "success"): 1, ("copy", "failure"): 1, ("tag", "success"): 0, ("tag", "failure"): 1,
    }  # fmt: skip
    assert not named(values(trace(stage("build")), "prod"), "sealift.pushes"), "nothing was to be pushed"


def test_steps_of_the_engine_are_counted_where_they_are_known() -> None:
    step = Step(name="Container.withExec", stage="build", unit="aidb", seconds=1.0, cached=True)
    assert named(values(trace(steps=(step, step)), "prod"), "sealift.engine.steps") == {("true",): 2, ("false",): 0}
    assert not named(values(trace(), "prod"), "sealift.engine.steps")


def test_images_by_how_they_were_made_and_how_large_they_are(samples: Samples) -> None:
    plan = samples.plan()
    units = list(samples.units(plan))
    units[0] = replace(units[0], reused="ghcr.io/sealift/aidb", cached=True)
    found = values(trace(), "prod", plan=plan, units=units)
    assert named(found, "sealift.images") == {
        ("aidb", "built"): 0, ("aidb", "cached"): 1, ("aidb", "reused"): 1, ("aidb", "elsewhere"): 0,
        ("docs", "built"): 1, ("docs", "cached"): 1, ("docs", "reused"): 0, ("docs", "elsewhere"): 0,
    }  # fmt: skip
    sizes = {(unit.image.unit.service, str(unit.image.unit.platform)): unit.image.size for unit in units}
    assert named(found, "sealift.image.size") == sizes
    assert len(sizes) == 4


def test_vulnerabilities_are_those_of_the_worst_platform_and_of_what_was_scanned(samples: Samples) -> None:
    plan = samples.plan()
    units = list(samples.units(plan))
    critical = [samples.finding(id=f"CVE-2024-{n}", severity=Severity.CRITICAL) for n in range(2)]
    units[1] = samples.unit(*critical, samples.secret(), image=units[1].image)
    units[3] = replace(units[3], scan=None)
    found = named(values(trace(), "prod", plan=plan, units=units), "sealift.image.vulnerabilities")
    severities = {"critical": 2, "high": 0, "medium": 0, "low": 1, "unknown": 0}
    assert found == {("aidb", name): count for name, count in severities.items()}


def test_exceptions_are_what_the_release_needed(samples: Samples) -> None:
    ignore = samples.ignore(services=("aidb", "docs"))
    rules = replace(samples.rules, ignores=(ignore, samples.ignore(id="CVE-2024-9999")))
    plan = samples.plan(rules=rules)
    units = list(samples.units(plan))
    vex = Dismissed(id="CVE-2024-7", package="zlib", status="not_affected", statement="", file="vex.json")
    for number in (0, 1):
        units[number] = samples.unit(samples.finding(), image=units[number].image)
    assert units[2].scan
    units[2] = replace(units[2], scan=replace(units[2].scan, dismissed=(vex,)))
    assert named(values(trace(), "prod", plan=plan, units=units), "sealift.exceptions") == {
        ("aidb", "ignore"): 1, ("docs", "ignore"): 0, ("aidb", "vex"): 0, ("docs", "vex"): 1,
    }  # fmt: skip


def test_no_attribute_says_which_run_commit_or_digest_it_was(samples: Samples) -> None:
    """Ten releases of the same services make no more series than one."""
    plan = samples.plan()
    seen = set()
    for number in range(10):
        digest = samples.digest(str(number))
        units = [replace(unit, image=replace(unit.image, digest=digest)) for unit in samples.units(plan)]
        made = trace(stage("build")).model_copy(update={"run": f"run-{number}", "trace_id": f"{number:032}"})
        found = values(made, "prod", plan=replace(plan, commit=f"{number:040}"), units=units)
        seen.add(frozenset((item.metric.name, *sorted(item.attributes.items())) for item in found))
    assert len(seen) == 1
    assert all(set(item.attributes) == set(item.metric.attributes) for item in found)
