"""Which rule keeps what, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import cast

import anyio
import pytest

from pipelines.keeping import last_versions
from pipelines.model import RECORDS, Digest
from pipelines.registry.client import Client
from pipelines.registry.survey import survey
from pipelines.retention import Decision, Judged, decide
from pipelines.rules import MOVING, Rules
from tests.unit.registry.memory import NOW, Memory

DAYS = timedelta(days=1)


def judged(memory: Memory, rules: Rules, *, services: Sequence[str] = ("web",), disk: Mapping = {}) -> Decision:  # type: ignore[type-arg]
    found = anyio.run(survey, cast(Client, memory), services, disk)
    return decide(found.holdings, found.told, rules, now=NOW)


def stays(decision: Decision, service: str = "web") -> dict[str, str]:
    """First tag, or digest → the first reason; empty for what goes."""
    return {_name(item): "; ".join(item.reasons) for item in decision.judged if item.service == service}


def _name(item: Judged) -> str:
    return item.tags[0] if item.tags else item.digest.short


def tagged(memory: Memory, *tags: str, days: float = 90) -> None:
    """An image for each of the tags."""
    for tag in tags:
        memory.image("web", tag, tag, made=NOW - days * DAYS)


@pytest.mark.parametrize(
    ("count", "kept"),
    [
        (1, {"v1.10.0", "v2.0.0-rc.2"}),
        (2, {"v1.10.0", "v1.9.0", "v2.0.0-rc.2", "v2.0.0-rc.1"}),
        (9, {"v1.10.0", "v1.9.0", "v1.2.0", "v2.0.0-rc.2", "v2.0.0-rc.1", "v1.10.0-rc.1"}),
    ],
)
def test_the_last_versions_are_the_highest_and_prereleases_oust_none(count: int, kept: set[str]) -> None:
    tags = ["v1.2.0", "v1.10.0", "v1.9.0", "v2.0.0-rc.1", "v2.0.0-rc.2", "v1.10.0-rc.1", "v1", "main", "p-v9.0.0"]
    assert last_versions(tags, count, "") == kept


def test_versions_of_an_environment_have_its_prefix() -> None:
    assert last_versions(["v3.0.0", "p-v1.0.0", "p-v0.9.0"], 1, "p-") == {"p-v1.0.0"}


def test_no_rule_keeps_only_what_moves() -> None:
    memory = Memory()
    moving = ("latest", "v1", "v1.0", "dev", "main", "staging")
    tagged(memory, *moving, "v1.0.0", "pr-7", "abc1234")
    found = stays(judged(memory, Rules(moving=MOVING | {"staging"})))
    assert found == {**{tag: f"{tag} moves" for tag in moving}, "v1.0.0": "", "pr-7": "", "abc1234": ""}


def test_what_moves_has_the_prefix_too() -> None:
    memory = Memory()
    tagged(memory, "p-latest", "p-v1", "p-dev", "p-v1.0.0")
    found = stays(judged(memory, Rules(prefix="p-")))
    assert found == {"p-latest": "p-latest moves", "p-v1": "p-v1 moves", "p-dev": "p-dev moves", "p-v1.0.0": ""}


def test_tags_of_another_environment_stay() -> None:
    memory = Memory()
    tagged(memory, "p-v1.0.0", "v1.0.0")
    assert stays(judged(memory, Rules(others=("p-",)))) == {
        "p-v1.0.0": "p-v1.0.0 is not of this environment",
        "v1.0.0": "",
    }
    assert stays(judged(memory, Rules(prefix="p-", others=("",)))) == {
        "p-v1.0.0": "",
        "v1.0.0": "v1.0.0 is not of this environment",
    }


def test_the_tag_of_an_input_key_keeps_nothing() -> None:
    memory = Memory()
    tag = f"key-{'0' * 64}"
    tagged(memory, tag)
    assert stays(judged(memory, Rules(prefix="p-", others=("",)))) == {tag: ""}


def test_by_pattern() -> None:
    memory = Memory()
    tagged(memory, "v1.0.0", "v2.0.0", "V1.0.0")
    assert stays(judged(memory, Rules(patterns=("v1.*",)))) == {
        "v1.0.0": "v1.0.0 matches v1.*",
        "v2.0.0": "",
        "V1.0.0": "",
    }


def test_all_tags_of_an_image_stay_with_it() -> None:
    memory = Memory()
    index, *_ = memory.image("web", "one", "v1.0.0", "abc1234")
    (item,) = (item for item in judged(memory, Rules(patterns=("v1*",))).judged)
    assert (item.digest, item.tags, item.stays) == (index, ("abc1234", "v1.0.0"), True)


def test_by_age() -> None:
    memory = Memory()
    for days in (0.5, 3, 29, 31):
        tagged(memory, f"pr-{days}", days=days)
    found = stays(judged(memory, Rules(days=30)))
    assert found == {"pr-0.5": "not a day old", "pr-3": "3 day(s) old", "pr-29": "29 day(s) old", "pr-31": ""}


def test_what_is_not_a_day_old_stays_whatever_the_rules_say() -> None:
    memory = Memory()
    tagged(memory, "pr-1", days=0.9)
    assert stays(judged(memory, Rules(patterns=("none",)))) == {"pr-1": "not a day old"}


@pytest.mark.parametrize("made", ["1970-01-01T00:00:00Z", "1980-01-01T00:00:01Z", "soon", ""])
def test_an_image_without_a_date_of_its_own_stays(made: str) -> None:
    memory = Memory()
    memory.put("web", {"annotations": {"org.opencontainers.image.created": made}}, "pr-1")
    assert stays(judged(memory, Rules(days=1))) == {"pr-1": "its age is not known"}


def test_the_date_may_be_in_the_configuration() -> None:
    memory = Memory()
    config = b'{"created": "2025-01-01T00:00:00.123456789Z"}'
    from tests.unit.registry.memory import digest_of

    memory.blobs[digest_of(config)] = config
    kind = "application/vnd.oci.image.config.v1+json"
    memory.put("web", {"config": {"digest": digest_of(config), "size": len(config), "mediaType": kind}}, "pr-1")
    assert stays(judged(memory, Rules(days=1))) == {"pr-1": ""}


def test_the_registrys_own_files_know_better_than_the_image() -> None:
    memory = Memory()
    index, *_ = memory.image("web", "old commit, pushed now", "pr-1")
    disk = {"shop/web": {index: NOW - timedelta(hours=1)}}
    assert stays(judged(memory, Rules(days=30), disk=disk)) == {"pr-1": "not a day old"}


def test_an_image_that_was_released_again_is_young_again() -> None:
    memory = Memory()
    lot = {"web": memory.image("web", "one", "abc1234")}
    memory.record("20250101T000000Z", lot)
    memory.record("20250520T000000Z", lot, started=NOW - 12 * DAYS)
    assert stays(judged(memory, Rules(days=30))) == {"abc1234": "11 day(s) old"}


def test_what_is_deployed_stays_with_all_that_it_is_part_of() -> None:
    memory = Memory()
    index, amd64, arm64 = memory.image("web", "one", "v1.0.0")
    tagged(memory, "v1.0.1")
    decision = judged(memory, Rules(deployed={amd64: "k8s.yaml:7"}))
    assert stays(decision) == {"v1.0.0": "deployed: k8s.yaml:7", "v1.0.1": ""}
    assert {index, amd64, arm64} <= decision.kept["web"]


def test_what_is_deployed_somewhere_else_keeps_nothing() -> None:
    memory = Memory()
    tagged(memory, "v1.0.0")
    assert stays(judged(memory, Rules(deployed={Digest("sha256:" + "0" * 64): "k8s.yaml:7"}))) == {"v1.0.0": ""}


@pytest.fixture
def releases() -> Memory:
    """Four releases of two services, of which one changed each time; the last one was taken back."""
    memory = Memory()
    api = memory.image("api", "api", *(f"v1.0.{number}" for number in range(4)))
    for number in range(4):
        web = memory.image("web", f"web {number}", f"v1.0.{number}")
        lot = {"api": api, "web": web}
        memory.record(
            f"2025010{number}T000000Z-a",
            lot,
            f"v1.0.{number}",
            version=f"v1.0.{number}",
            started=NOW - (90 - number) * DAYS,
        )
        if number == 2:
            before = lot
    memory.record("20250201T000000Z-b", before, started=NOW - 20 * DAYS)
    return memory


BOTH = ("api", "web")


def test_the_last_releases_keep_their_images_and_a_way_back_counts_once(releases: Memory) -> None:
    decision = judged(releases, Rules(last=2), services=BOTH)
    found = stays(decision)
    assert {tag: bool(why) for tag, why in found.items()} == {
        "v1.0.0": False, "v1.0.1": False, "v1.0.2": True, "v1.0.3": True,
    }  # fmt: skip
    assert "release 20250201T000000Z-b is one of the last 2" in found["v1.0.2"]


def test_a_record_stays_with_any_of_its_images(releases: Memory) -> None:
    found = stays(judged(releases, Rules(last=1), services=BOTH), RECORDS)
    assert set(found.values()) == {"its api stays", "its api, web stays"}
    assert set(stays(judged(releases, Rules(last=1)), RECORDS).values()) == {"its api was not looked at"}


def test_a_record_goes_with_the_last_of_its_images() -> None:
    memory = Memory()
    memory.record(
        "20250101T000000Z-a", {"web": memory.image("web", "one", "pr-1")}, started=NOW - 30 * DAYS, environment="x"
    )
    memory.record("20250102T000000Z-b", {"web": memory.image("web", "two", "v1.0.0")}, "v1.0.0", version="v1.0.0")
    decision = judged(memory, Rules(patterns=("v1*",)))
    assert stays(decision, RECORDS) == {"20250101T000000Z-a": "", "20250102T000000Z-b": "its web stays"}


def test_a_version_that_stays_for_one_service_keeps_what_was_released_with_it() -> None:
    memory = Memory()
    api = memory.image("api", "api", "v1.0.0")
    memory.image("api", "later", "v1.0.1")
    web = memory.image("web", "web", "v1.0.0")
    memory.record("20240101T000000Z-a", {"api": api, "web": web}, "v1.0.0", version="v1.0.0")
    later = {"api": [*memory.image("api", "later", "v1.0.1")]}
    memory.record("20250101T000000Z-a", later, "api-v1.0.1", version="v1.0.1", started=NOW - 30 * DAYS)
    found = judged(memory, Rules(last=1), services=BOTH)
    assert "part of the release v1.0.0, which stays" in stays(found, "api")["v1.0.0"]


@pytest.mark.parametrize(
    ("state", "days", "kept"), [("moving", 3, True), ("recorded", 3, True), ("moving", 8, False), ("undone", 3, False)]
)
def test_a_release_that_can_be_resumed_keeps_its_images(state: str, days: int, kept: bool) -> None:
    memory = Memory()
    lot = {"web": memory.image("web", "one", "abc1234")}
    memory.record("20250501T000000Z-a", lot, started=NOW - days * DAYS, state=state)
    assert bool(stays(judged(memory, Rules(patterns=("none",))))["abc1234"]) is kept


def test_the_claim_of_a_run_that_ended_is_no_release_under_way() -> None:
    memory = Memory()
    lot = {"web": memory.image("web", "one", "v1.0.0")}
    started = NOW - 3 * DAYS
    claim = memory.record("20250501T000000Z-a", lot, state="recorded", started=started)
    memory.record("20250501T000000Z-a", lot, state="published", started=started)
    memory.repos[RECORDS].tags["claim-v1.0.0"] = claim
    assert stays(judged(memory, Rules(patterns=("none",))))["v1.0.0"] == ""


def test_environments_have_their_own_last_releases() -> None:
    memory = Memory()
    for number, environment in enumerate(("prod", "staging", "staging", "staging")):
        lot = {"web": memory.image("web", f"{number}", f"abc{number}")}
        memory.record(f"2025010{number}T000000Z", lot, environment=environment, started=NOW - (90 - number) * DAYS)
    found = stays(judged(memory, Rules(last=1)))
    assert {tag for tag, why in found.items() if why} == {"abc0", "abc3"}


def test_what_has_lost_its_tag_goes_when_it_is_old_enough() -> None:
    memory = Memory()
    for name, days in (("old", 5), ("new", 0.5)):
        memory.record(f"2025050{int(days)}T000000Z", {"web": memory.image("web", name)}, started=NOW - days * DAYS)
    unknown = memory.image("web", "nobody knows")
    found = {
        item.digest: item.reasons for item in judged(memory, Rules(patterns=("none",))).judged if item.service == "web"
    }
    assert sorted(found.values()) == [(), ("its age is not known",), ("not a day old",)]
    assert found[unknown[0]] == ("its age is not known",)


def test_what_another_rule_keeps_keeps_what_it_is_about() -> None:
    memory = Memory()
    index, *_ = memory.image("web", "one", "v1.0.0")
    signature = memory.sign("web", index)
    memory.repos["web"].tags["audit-1"] = signature
    decision = judged(memory, Rules(patterns=("audit-*",)))
    found = stays(decision)
    assert found["audit-1"].startswith("audit-1 matches audit-*")
    assert found["v1.0.0"] == "belongs to what stays"


def test_bytes_that_are_shared_count_once_and_are_not_freed() -> None:
    memory = Memory()
    memory.image("web", "one", "v1.0.0")
    memory.image("web", "two", "v1.0.1")
    one = judged(memory, Rules(patterns=("v1.0.1",)))
    both = judged(memory, Rules(patterns=("v1.0.*",)))
    assert both.freed == 0
    assert one.freed + one.held == both.held
    (going,) = one.going
    # The base layer of both platforms stays.
    assert going.size == one.freed + 1000


def test_a_foreign_artifact_among_the_records_stays() -> None:
    memory = Memory()
    memory.put(RECORDS, {"artifactType": "application/vnd.example"}, "notes")
    assert stays(judged(memory, Rules()), RECORDS) == {"notes": "is no release record"}
