"""The short version of `make soak`: a few releases killed at random events, and one of two registries that dies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.faults.relay import Asked
from tests.faults.several import SERVICES, put_tag
from tests.soak.killed import line
from tests.soak.kills import EARLIER, NEXT, Kills, begin
from tests.soak.stand import standing
from tests.soak.strike import hasty, impatient

SEED = 20261122
KILLS = 2


@pytest.fixture(scope="module")
def kills(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kills]:
    with standing(tmp_path_factory.mktemp("registries")) as stand:
        yield begin(stand, engine, tmp_path_factory.mktemp("soak"), SEED, print)


def test_killed_at_random_events_and_resumed(kills: Kills) -> None:
    # The first of a group of one commit signs it, the last is compared with an undisturbed run.
    done = [kills.one(number) for number in (0, *range(8 - KILLS + 1, 8))]
    assert [line(killed) for killed in done if killed.wrong] == [], f"seed {SEED}"
    assert any(killed.ways for killed in done), "nothing was struck"


@pytest.mark.parametrize("when", ["copy", "tag"])
def test_one_of_two_registries_dies(kills: Kills, when: str) -> None:
    """By SIGKILL, in the middle of its first copy or of its first tag's move; and it does not come back in time."""
    kills.restore()
    kills.log.clear()
    first, second = kills.stand.registries
    old = kills.record().get("id")
    died: list[Asked] = []

    def heard(asked: Asked) -> None:
        tag = put_tag(asked)
        moves = tag == "dev" if when == "tag" else tag is None and asked.method == "PUT" and "/mirror/" in asked.path
        if moves and "/mirror/" in asked.path and not died:
            died.append(asked)
            second.kill()

    kills.prepared = hasty
    ended = kills.release(NEXT, heard=heard)
    kills.prepared = impatient
    assert died, ended.said
    assert ended.code == 5, ended.said
    assert {service: first.tags(service) for service in SERVICES} == kills.before[0], "moved back, or never moved"
    record = kills.record()
    assert record["id"] != old
    assert record["state"] == ("recorded" if when == "copy" else "moving")
    second.start()
    resumed = kills.resume()
    assert resumed.code == 0, resumed.said
    kills.check_after(old)
    kills.check_finished()
    assert EARLIER in second.tags("web")
