from __future__ import annotations

import pytest

from tests.bench.profile import chain, profile
from tests.bench.samples import Step
from tests.unit.bench.conftest import MakeSample


def step(name: str, unit: str, began: float, ended: float) -> Step:
    return Step(name=name, unit=unit, began=began, seconds=ended - began)


def test_the_chain_is_what_the_end_waited_for() -> None:
    first, other = step("build", "a", 0.0, 4.0), step("build", "b", 0.0, 1.0)
    scan, sign = step("scan", "a", 4.0, 6.0), step("sign", "a", 6.05, 7.0)
    assert chain([other, sign, scan, first]) == [first, scan, sign]


def test_a_gap_does_not_end_the_chain() -> None:
    early, late = step("build", "a", 0.0, 1.0), step("sign", "a", 5.0, 6.0)
    assert chain([late, early]) == [early, late]


def test_stages_of_no_length_end() -> None:
    assert len(chain([step("tag", name, 1.0, 1.0) for name in "abc"])) == 3


def test_a_profile_from_progress_lines(sample: MakeSample) -> None:
    steps = [step("build", "a", 0.0, 4.0), step("build", "b", 0.0, 2.0), step("scan", "a", 4.0, 5.0)]
    made = profile(sample("sealift-gate", 6.0, cpu=14.0, steps=steps))
    assert made is not None
    assert made.stages == {"build": (2, 6.0), "scan": (1, 1.0)}
    assert made.critical == 5.0
    assert made.floor(2) == 7.0
    assert made.floor(4) == 5.0
    assert made.examining == pytest.approx(1 / 7)


def test_a_trace_knows_better(sample: MakeSample) -> None:
    trace = {
        "critical_path_seconds": 3.0,
        "critical_path": [{"stage": "build", "unit": "a", "waited": 0.1, "start": 0.5, "seconds": 3.0}],
        "stages": {"build": {"count": 2, "seconds": 5.5}},
        "waited_seconds": 1.5,
    }
    made = profile(sample("sealift-gate", 6.0, steps=[step("build", "a", 0.0, 9.0)], trace=trace))
    assert made is not None
    assert (made.critical, made.waited, made.stages) == (3.0, 1.5, {"build": (2, 5.5)})
    assert list(made.path) == [step("build", "a", 0.5, 3.5)]


def test_without_stages_there_is_no_profile(sample: MakeSample) -> None:
    assert profile(sample("buildkit", 6.0)) is None
