from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.figures import FIGURES, Spread, pairs, ratio, spread
from tests.bench.samples import Step, load, save
from tests.bench.tables import markdown, rows
from tests.unit.bench.conftest import MakeResults, MakeSample

WALL = FIGURES[0]


def test_a_spread_is_median_and_range_and_says_the_range_only_if_there_is_one() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert Spread.of([]) is None
    assert Spread(2.0, 1.0, 3.0).text() == "2.0 (1.0 to 3.0)"
    assert Spread(2.0, 1.96, 2.04).text() == "2.0"
    assert Spread(1234.5, 1234.5, 1234.5).text(0) == "1234"


def test_ratios_are_made_within_a_round_and_not_of_the_medians(results: MakeResults, sample: MakeSample) -> None:
    # A slow moment of the machine hit both subjects in round 1.
    kept = results(
        "nothing",
        sample("buildkit", 1.0, 0),
        sample("sealift-build", 2.0, 0),
        sample("sealift-build", 20.0, 1),
        sample("buildkit", 10.0, 1),
        sample("buildkit", 5.0, 2),
    )
    assert ratio(kept, "sealift-build", WALL) == Spread(2.0, 2.0, 2.0)
    assert spread(kept, "buildkit", WALL) == Spread(5.0, 1.0, 10.0)


def test_rounds_without_a_partner_are_left_out(sample: MakeSample) -> None:
    ours, theirs = [sample("a", 3.0, 0), sample("a", 9.0, 1)], [sample("b", 1.0, 1)]
    found = pairs(ours, theirs, lambda one, other: one.usage.wall - other.usage.wall)
    assert found == Spread(8.0, 8.0, 8.0)
    assert pairs(ours, [], lambda *_: 0.0) is None


def test_nothing_is_divided_by_zero(results: MakeResults, sample: MakeSample) -> None:
    kept = results("nothing", sample("buildkit", 1.0, cpu=0.0), sample("sealift-build", 2.0))
    cpu = next(figure for figure in FIGURES if figure.title == "CPU together, s")
    assert ratio(kept, "sealift-build", cpu) is None


def test_a_table_has_only_figures_that_somebody_has(results: MakeResults, sample: MakeSample) -> None:
    table = rows(results("nothing", sample("buildkit", 1.0), sample("sealift-gate", 3.0, made=["web linux/amd64"])))
    assert table[0] == ["", "BuildKit", "Sealift, build-all", "Sealift, build-all ÷ BuildKit"]
    lines = {line[0]: line[1:] for line in table[1:]}
    assert lines["wall, s"] == ["1.0", "3.0", "3.00"]
    assert lines["units made, not cached"] == ["", "1", ""]
    assert "new in the quarantine, MB" not in lines
    assert all(len(line) == 4 for line in table)


def test_without_buildkit_nothing_is_compared(results: MakeResults, sample: MakeSample) -> None:
    assert rows(results("nothing", sample("sealift-gate", 3.0)))[0] == ["", "Sealift, build-all"]


def test_markdown_is_not_broken_by_a_bar() -> None:
    assert markdown([["a", "b"], ["x|y", ""]]) == "| a | b |\n| --- | --- |\n| x\\|y |  |"


@pytest.mark.parametrize("trace", [None, {"format": 1, "critical_path": []}])
def test_results_come_back_as_they_were_kept(
    tmp_path: Path, results: MakeResults, sample: MakeSample, trace: dict[str, object] | None
) -> None:
    step = Step(name="build", unit="web linux/amd64", began=0.5, seconds=1.5)
    kept = results(
        "cold",
        sample("buildkit", 1.0),
        sample("sealift-gate", 2.0, made=["a b"], steps=(step,), trace=trace, emulated={"/bin/sh": 2}),
    )
    save(kept, tmp_path / "bench")
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["cold.json"]
    assert load(tmp_path / "bench/cold.json") == kept
