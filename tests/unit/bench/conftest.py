"""Results of benchmarks that were never run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.bench.meter import Usage
from tests.bench.samples import Moved, Outcome, Results, Sample, Step

MACHINE = {"processor": "2 cores, Example 9000, x86_64", "memory": "24 GiB", "BuildKit": "0.31.1"}

MakeSample = Callable[..., Sample]
MakeResults = Callable[..., Results]


@pytest.fixture
def sample() -> MakeSample:
    def make(
        subject: str,
        wall: float,
        number: int = 0,
        *,
        cpu: float = 2.0,
        uploaded: int = 0,
        layers: int = 0,
        made: Sequence[str] | None = None,
        steps: Sequence[Step] = (),
        trace: Mapping[str, Any] | None = None,
        emulated: Mapping[str, int] | None = None,
    ) -> Sample:
        return Sample(
            subject=subject,
            round=number,
            usage=Usage(
                wall=wall,
                client_cpu=cpu / 2,
                engine_cpu=cpu / 2,
                client_memory=100 << 20,
                engine_memory=200 << 20,
                emulated=emulated or {},
            ),
            moved=Moved(uploads=1 if uploaded else 0, uploaded=uploaded, target_layers=layers),
            outcome=Outcome(digests={"web linux/amd64": "sha256:0"}, made=made, steps=steps, trace=trace),
        )

    return make


@pytest.fixture
def results() -> MakeResults:
    def make(scenario: str, *samples: Sample, machine: Mapping[str, Any] = MACHINE) -> Results:
        return Results(scenario=scenario, commit="abc1234", date="2026-11-21", machine=machine, samples=samples)

    return make
