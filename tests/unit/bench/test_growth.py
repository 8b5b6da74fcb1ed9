from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.bench.document import document
from tests.bench.growth import FOLDERS, curve, growth_text, load_growth, name_of, rows
from tests.bench.samples import Results, Sample, save
from tests.bench.scale import scenario
from tests.unit.bench.conftest import MakeResults, MakeSample


def measured(made: Sample, requests: int) -> Sample:
    return replace(made, moved=replace(made.moved, requests=requests))


def growth(results: MakeResults, sample: MakeSample, count: int) -> Results:
    return results(
        name_of("sources", count),
        measured(sample("buildkit", 1.0 * count), 5 * count),
        measured(sample("sealift-gate", 10.0 + 3.0 * count), 20 + 30 * count),
    )


def test_what_each_service_costs_beyond_buildkit_and_asks_of_the_registry(
    results: MakeResults, sample: MakeSample
) -> None:
    header, *lines = rows({count: growth(results, sample, count) for count in (1, 24)})
    assert header[-2:] == ["beyond BuildKit, s a service", "requests a service"]
    assert [(line[0], line[1], *line[-2:]) for line in lines] == [
        ("1", "BuildKit", "", "5.0"),
        ("1", "Sealift, build-all", "12.00", "50.0"),
        ("24", "BuildKit", "", "5.0"),
        ("24", "Sealift, build-all", "2.42", "30.8"),
    ]


def test_the_curve_is_a_line_for_each_subject(results: MakeResults, sample: MakeSample) -> None:
    text = curve({count: growth(results, sample, count) for count in (1, 24)})
    assert 'x-axis ["1", "24"]' in text
    assert "line [1.00, 1.00]" in text
    assert "line [13.00, 3.42]" in text


def test_what_is_kept_is_in_the_document_by_number(tmp_path: Path, results: MakeResults, sample: MakeSample) -> None:
    assert growth_text(load_growth(tmp_path)) == "Not measured yet."
    for count in (24, 6):
        save(growth(results, sample, count), tmp_path / FOLDERS[1])
    found = load_growth(tmp_path)
    assert {kind: list(by_count) for kind, by_count in found.items()} == {"sources": [6, 24]}
    text = document({"nothing": results("nothing", sample("buildkit", 1.0))}, "$growth", growth=found)
    assert text.startswith("### A source file of every service changed")
    assert scenario("sources", 6).name == found["sources"][6].scenario
