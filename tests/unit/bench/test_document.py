from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import ConfigError
from tests.bench.document import document, load_all, middle
from tests.bench.samples import Step, save
from tests.unit.bench.conftest import MACHINE, MakeResults, MakeSample

PARTS = ("measured", "targets", "machine", "results", "profiles", "emulated")


def test_all_that_is_measured(golden: Callable[[str, str], None], results: MakeResults, sample: MakeSample) -> None:
    steps = [
        Step(name="build", unit="aidb linux/amd64", began=0.1, seconds=5.0),
        Step(name="scan", unit="aidb linux/amd64", began=5.1, seconds=2.0),
    ]
    nothing = results(
        "nothing",
        sample("buildkit", 1.0, 0),
        sample("sealift-build", 4.0, 0),
        sample("sealift-gate", 8.0, 0, made=[], steps=steps),
        sample("buildkit", 1.2, 1),
        sample("sealift-build", 6.6, 1),
        sample("sealift-gate", 9.0, 1, made=[], steps=steps),
    )
    cold = results("cold", sample("sealift-gate", 90.0, emulated={"/usr/bin/python3 -m aidb": 2}, steps=steps))
    golden(
        "bench/benchmarks.md", document({"nothing": nothing, "cold": cold}, "\n\n".join(f"${part}" for part in PARTS))
    )


def test_what_is_written_by_hand_surrounds_it(results: MakeResults, sample: MakeSample) -> None:
    text = document({"nothing": results("nothing", sample("buildkit", 1.0))})
    assert "`buildctl` 0.31.1" in text
    assert "## Findings" in text
    assert "$" not in text


def test_the_run_in_the_middle_is_profiled(sample: MakeSample) -> None:
    runs = [sample("sealift-gate", wall) for wall in (5.0, 1.0, 3.0, 2.0)]
    found = middle(runs)
    assert found is not None
    assert found.usage.wall == 2.0
    assert middle([]) is None


def test_single_scenarios_are_merged(tmp_path: Path, results: MakeResults, sample: MakeSample) -> None:
    for name in ("source", "nothing"):
        save(results(name, sample("buildkit", 1.0)), tmp_path)
    assert list(load_all(tmp_path)) == ["nothing", "source"]


def test_two_machines_are_not_mixed(tmp_path: Path, results: MakeResults, sample: MakeSample) -> None:
    save(results("source", sample("buildkit", 1.0)), tmp_path)
    save(results("nothing", sample("buildkit", 1.0), machine={**MACHINE, "memory": "8 GiB"}), tmp_path)
    with pytest.raises(ConfigError, match="different machines"):
        load_all(tmp_path)


def test_without_results_there_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no results"):
        load_all(tmp_path)
