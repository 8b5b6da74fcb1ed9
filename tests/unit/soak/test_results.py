from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.scratch import ROOT
from tests.soak.killed import Killed
from tests.soak.pushes import Pushes
from tests.soak.results import NOT_YET, STRIKES, Results, document, kill_rows, push_rows
from tests.soak.strike import Strike
from tests.soak.workers import shares

KILLS = [
    Killed(number=0, strike="", what="SIGKILL", stage="copy", code=-9, ways=["resume", "resume"]),
    Killed(number=1, strike="", what="SIGINT", stage="build", code=130, ways=["again"]),
    Killed(number=2, strike="", what="registry 2", stage="ended before", code=0),
]
PUSHES = Pushes(
    done=999, failed=["push 7: 503"], seconds=[1.0, 2.0, 9.0], requests=12000, faults={"503": 70, "429": 80}
)


@pytest.mark.parametrize(
    ("kills", "at_once", "expected"), [(200, 2, [100, 100]), (5, 2, [3, 2]), (1, 2, [1]), (0, 2, []), (3, 1, [3])]
)
def test_every_release_is_somebodys(kills: int, at_once: int, expected: list[int]) -> None:
    assert shares(kills, at_once) == expected


def results(kills: list[Killed] = KILLS, pushes: Pushes | None = None) -> Results:
    return Results(seed=7, date="2026-01-01", kills=kills, pushes=pushes)


def drawn(seed: int) -> list[Strike]:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    return [Strike.drawn(chance, 500, 50) for _ in range(500)]


def test_a_seed_draws_the_same_strikes() -> None:
    first, again, other = (drawn(seed) for seed in (1, 1, 2))
    assert first == again != other
    strikes = drawn(3)
    assert {strike.what for strike in strikes} == set(STRIKES)
    assert all(1 <= strike.event <= (50 if strike.said else 500) for strike in strikes)


def test_the_rows_are_the_stages_in_their_order() -> None:
    _, build, copy, before, everything = kill_rows(KILLS)
    assert [row[0] for row in (build, copy, before, everything)] == ["build", "copy", "ended before", "all"]
    assert copy[1:] == ["1", "", "", "", "", "1", "", "0"]
    assert everything[1:] == ["1", "1", "", "", "1", "1", "1", "0"]


def test_the_document_says_what_was_run_and_what_was_not() -> None:
    text = document(results(), None)
    assert "3 releases, of which 2 were struck before they ended, and 1 again while they were finished; 0 ended" in text
    assert text.count(NOT_YET) == 1
    assert ["succeeded", "999 (99.90%)"] in push_rows(PUSHES)


@pytest.mark.parametrize(("done", "well"), [(999, True), (998, False)])
def test_enough_pushes_have_to_succeed(done: int, well: bool) -> None:
    assert results([], Pushes(done=done, failed=[""] * (1000 - done))).well is well


def test_one_release_that_ends_wrong_is_enough() -> None:
    assert results().well
    assert not results([*KILLS, Killed(number=3, strike="", what="SIGKILL", stage="tag", code=-9, wrong="two")]).well


def test_results_are_kept_whole(tmp_path: Path) -> None:
    for kept in (results(), results([], PUSHES)):
        kept.save(tmp_path / "out/kept.json")
        loaded = Results.load(tmp_path / "out/kept.json")
        assert (list(loaded.kills), loaded.pushes) == (list(kept.kills), kept.pushes)


def test_every_test_that_the_document_names_is_there() -> None:
    named = re.findall(r"`((?:tests/\S+/)?test_\w+\.py)(?:::(test_\w+))?", document(results(), None))
    assert len(named) > 20
    for file, test in named:
        path = ROOT / file if file.startswith("tests/") else ROOT / "tests/faults" / file
        assert path.is_file(), file
        assert not test or f"def {test}(" in path.read_text(), f"{file}::{test}"
