"""Whatever a registry holds, whatever the rules, wherever a run is killed: what stays is whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from datetime import timedelta
from typing import Any, cast

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import RegistryError
from pipelines.model import RECORDS, Digest, Repository, Target
from pipelines.registry.client import Client
from pipelines.registry.documents import INDEX
from pipelines.registry.removal import Removed, remove
from pipelines.registry.survey import Survey, survey
from pipelines.retention import Decision, decide
from pipelines.rules import Rules
from tests.unit.registry.memory import NOW, Killed, Memory, Refusing

DAYS = timedelta(days=1)
SERVICES = ("api", "web")
TAGS = ("latest", "v1", "v1.0", "v1.0.0", "v1.0.1", "v1.1.0", "v2.0.0", "v2.0.0-rc.1", "dev", "pr-1", "abc1234", "main")


def look(memory: Memory, rules: Rules, services: tuple[str, ...] = SERVICES) -> tuple[Survey, Decision]:
    """Read it all, and decide."""
    found = anyio.run(survey, cast(Client, memory), services, {}, tuple(rules.deployed))
    return found, decide(found.holdings, found.told, rules, now=NOW)


def prune(memory: Memory, rules: Rules, services: tuple[str, ...] = SERVICES) -> Removed:
    found, decision = look(memory, rules, services)
    return anyio.run(remove, cast(Client, memory), found, decision, rules, lambda _: None)


QUICK = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
"""How many examples are tried, each test says."""


@st.composite
def registries(draw: st.DrawFn, *, recorded: bool) -> Memory:
    """Indexes that share platforms, tags on any of them, attachments of attachments; records of some, or of all.

    :param recorded: everything is as releases make it, and old enough to go.
    """
    memory = Memory(api=draw(st.booleans()))
    ages = st.integers(2, 400) if recorded else st.integers(0, 400)
    for service in SERVICES:
        platforms = [memory.platform(service, f"{service} {number}") for number in range(4)]
        tops = []
        for number in range(draw(st.integers(1, 5))):
            some = draw(st.lists(st.sampled_from(platforms), min_size=1, max_size=2, unique=True))
            made = NOW - draw(ages) * DAYS
            document = {
                "mediaType": INDEX,
                "manifests": [{"digest": one} for one in some],
                "annotations": {"org.opencontainers.image.created": made.isoformat(), "n": str(number)},
            }
            tops.append([memory.put(service, document), *some])
        for tag in TAGS:
            if draw(st.booleans()):
                one = draw(st.sampled_from(tops if recorded else [*tops, *([p] for p in platforms)]))
                memory.repos[service].tags[tag] = one[0]
        subjects = [one for top in tops for one in top]
        if recorded:
            for one in dict.fromkeys(subjects):
                memory.sign(service, one)
            for number, top in enumerate(tops):
                started = NOW - draw(ages) * DAYS
                memory.record(f"2025{service}{number}", {service: top}, started=started)
        else:
            for _ in range(draw(st.integers(0, 6))):
                memory.sign(service, draw(st.sampled_from(sorted(memory.repos[service].manifests))))
            for number in range(draw(st.integers(0, 3))):
                lot = {service: draw(st.sampled_from(tops))}
                state = draw(st.sampled_from(["recorded", "moving", "undone", "published"]))
                memory.record(f"2025{service}{number}", lot, started=NOW - draw(ages) * DAYS, state=state)
    memory.repos.setdefault(RECORDS, type(memory.repos[SERVICES[0]])())
    return memory


RULES = st.builds(
    Rules,
    last=st.none() | st.integers(1, 3),
    days=st.none() | st.integers(1, 300),
    patterns=st.lists(st.sampled_from(["v1.*", "pr-*", "*", "abc????"]), max_size=2).map(tuple),
)


def reachable(memory: Memory, service: str, digest: Digest) -> set[Digest]:
    """What somebody finds who has the digest: written apart from the code that it judges."""
    there = memory.repos[service]
    found: set[Digest] = set()
    waiting = [digest]
    while waiting:
        one = waiting.pop()
        if one in found or one not in there.manifests:
            continue
        found.add(one)
        waiting += [Digest(entry["digest"]) for entry in there.manifests[one].get("manifests", [])]
        waiting += [other for other, made in there.manifests.items() if made.get("subject", {}).get("digest") == one]
        listed = there.tags.get(one.replace(":", "-"))
        waiting += [listed] if listed else []
    return found


@settings(QUICK, max_examples=50)
@given(registries(recorded=False), RULES, st.data())
def test_nothing_that_what_stays_needs_is_deleted(memory: Memory, rules: Rules, data: st.DataObject) -> None:
    everything = [digest for service in SERVICES for digest in sorted(memory.repos[service].manifests)]
    deployed = data.draw(st.lists(st.sampled_from(everything), max_size=2))
    rules = Rules(
        last=rules.last, days=rules.days, patterns=rules.patterns, deployed=dict.fromkeys(deployed, "k8s.yaml:1")
    )
    _, decision = look(memory, rules)
    before = deepcopy(memory)
    memory.dies_after = data.draw(st.none() | st.integers(0, 20))
    with suppress(Killed):
        prune(memory, rules)
    for item in decision.judged:
        if item.stays and item.service != RECORDS:
            needed = reachable(before, item.service, item.digest)
            assert needed <= memory.repos[item.service].manifests.keys()
            assert all(memory.repos[item.service].tags.get(tag) == item.digest for tag in item.tags)
    for digest in deployed:
        for service in SERVICES:
            assert reachable(before, service, digest) <= memory.repos[service].manifests.keys()


@settings(QUICK, max_examples=33)
@given(registries(recorded=True), RULES, st.integers(0, 40))
def test_a_run_that_was_killed_is_finished_by_the_next(memory: Memory, rules: Rules, after: int) -> None:
    undisturbed = deepcopy(memory)
    done = prune(undisturbed, rules)
    assert done.failure is None
    assert done.left == []
    memory.dies_after = after
    try:
        prune(memory, rules)
    except Killed:
        memory.dies_after = None
        assert prune(memory, rules).left == []
    assert memory.state() == undisturbed.state()
    _, again = look(memory, rules)
    assert again.going == ()


@settings(QUICK, max_examples=16)
@given(registries(recorded=True), RULES)
def test_what_goes_takes_its_own_with_it(memory: Memory, rules: Rules) -> None:
    found, decision = look(memory, rules)
    before = deepcopy(memory)
    prune(memory, rules)
    for service, contents in zip(SERVICES, found.holdings, strict=False):
        # What nothing speaks of is not found.
        there = memory.repos[service].manifests.keys() & contents.manifests.keys()
        stays = {
            one
            for item in decision.judged
            if item.stays and item.service == service
            for one in reachable(before, service, item.digest)
        }
        assert there == stays


@pytest.fixture(params=[True, False], ids=["referrers API", "tags"])
def memory(request: pytest.FixtureRequest) -> Memory:
    """One service, two releases, an image of a pull request."""
    made = Memory(api=request.param)
    for number, version in enumerate(("v1.0.0", "v1.0.1")):
        lot = {"web": made.image("web", version, version)}
        made.record(f"2025010{number}T000000Z", lot, version, version=version)
    made.repos["web"].tags["latest"] = made.repos["web"].tags["v1.0.1"]
    lot = {"web": made.image("web", "pull request", "pr-7")}
    made.record("20250103T000000Z", lot, started=NOW - 40 * DAYS, environment="local")
    return made


ONE = ("web",)
LAST = Rules(last=1)


def test_the_record_goes_last_and_the_image_first(memory: Memory) -> None:
    index = memory.repos["web"].tags["v1.0.0"]
    record = memory.repos[RECORDS].tags["v1.0.0"]
    done = prune(memory, LAST, ONE)
    assert [(item.service, item.tags) for item in done.gone] == [
        ("web", ("v1.0.0",)),
        (RECORDS, ("20250100T000000Z", "v1.0.0")),
    ]
    assert memory.deleted[0] == index
    assert memory.deleted[-1] == record


def test_a_tag_that_has_moved_since_keeps_the_image(memory: Memory) -> None:
    found, decision = look(memory, LAST, ONE)
    there = memory.repos["web"].tags
    old, there["v1.0.0"] = there["v1.0.0"], there["v1.0.1"]
    done = anyio.run(remove, cast(Client, memory), found, decision, LAST, lambda _: None)
    assert memory.whole("web", old)
    assert done.gone == []
    assert [(item.tags, why) for item, why in done.left] == [
        (("v1.0.0",), "v1.0.0 has been moved since"),
        (("20250100T000000Z", "v1.0.0"), "its web was not deleted"),
    ]


@pytest.mark.parametrize("tag", ["latest", "fresh"])
def test_a_tag_that_names_it_now_keeps_the_image(memory: Memory, tag: str) -> None:
    found, decision = look(memory, LAST, ONE)
    there = memory.repos["web"].tags
    there[tag] = there["v1.0.0"]
    done = anyio.run(remove, cast(Client, memory), found, decision, LAST, lambda _: None)
    assert memory.whole("web", there["v1.0.0"])
    assert done.left[0][1] == f"{tag} names it now"


def test_a_release_that_was_made_meanwhile_ends_it(memory: Memory) -> None:
    found, decision = look(memory, LAST, ONE)
    memory.record("20250601T000000Z", {"web": memory.image("web", "new")}, state="recorded")
    done = anyio.run(remove, cast(Client, memory), found, decision, LAST, lambda _: None)
    assert memory.deleted == []
    assert done.failure is not None
    assert "20250601T000000Z since: a release was made meanwhile" in done.failure.what


def test_the_first_refusal_ends_it(memory: Memory) -> None:
    refusing = Refusing(api=memory.api, repos=memory.repos, blobs=memory.blobs)
    before = refusing.state()
    done = prune(refusing, Rules(patterns=("none",)), ONE)
    assert refusing.state() == before
    assert done.gone == []
    assert done.failure is not None
    # One was tried, and what was not is told.
    assert [why for _, why in done.left] == ["the registry refused, or was lost", *["not tried"] * (len(done.left) - 1)]


def test_where_tags_must_go_first_they_do(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    delete = Memory.delete_manifest

    async def tagless(self: Memory, repository: Repository, digest: Digest) -> bool:
        if digest in self.repo(repository).tags.values():
            raise RegistryError("DELETE: GOOGLE_MANIFEST_DANGLING_TAG [http 400]", remedy="")
        return await delete(self, repository, digest)

    monkeypatch.setattr(Memory, "delete_manifest", tagless)
    done = prune(memory, LAST, ONE)
    assert done.failure is None
    assert "v1.0.0" not in memory.repos["web"].tags


def broken(document: Mapping[str, Any]) -> str:
    """What the survey says of a registry that holds this."""
    memory = Memory()
    memory.put("web", document, "odd")
    with pytest.raises(RegistryError) as caught:
        look(memory, LAST, ONE)
    return caught.value.what


def test_what_cannot_be_read_ends_it_before_anything_is_decided() -> None:
    assert "is no manifest" in broken({"mediaType": INDEX, "manifests": [{"digest": "sha256:short"}]})
    assert "is no manifest" in broken({"layers": [{"size": 1}]})
    memory = Memory()
    memory.put("web", {}, "v1.0.0")
    memory.repos["web"].tags["lost"] = Digest("sha256:" + "0" * 64)
    with pytest.raises(RegistryError, match="shop/web lists lost, and has nothing there"):
        look(memory, LAST, ONE)


def test_a_record_of_another_format_ends_it() -> None:
    memory = Memory()
    memory.record("20250103T000000Z", {"web": memory.image("web", "x")}, format=3)
    with pytest.raises(Exception, match="is no release record of format 2"):
        look(memory, LAST, ONE)


def test_a_record_that_lost_its_content_ends_it() -> None:
    memory = Memory()
    memory.record("20250103T000000Z", {"web": memory.image("web", "x")})
    memory.blobs.clear()
    with pytest.raises(RegistryError, match="has lost its content"):
        look(memory, LAST, ONE)


def test_only_the_tag_goes_where_the_same_list_is_needed_for_something_else() -> None:
    memory = Memory()
    old, new = memory.image("web", "old", "v1.0.0"), memory.image("web", "new", "v1.0.1")
    there = memory.repos["web"]
    empty = memory.put("web", {"mediaType": INDEX, "manifests": []})
    for one in (old[0], new[0]):
        there.tags[one.replace(":", "-")] = empty
    prune(memory, LAST, ONE)
    assert empty in there.manifests
    assert new[0].replace(":", "-") in there.tags
    assert old[0].replace(":", "-") not in there.tags


def test_an_index_goes_before_its_platform_that_has_a_tag_too(memory: Memory) -> None:
    index = memory.repos["web"].tags["v1.0.0"]
    platform = Digest(memory.repos["web"].manifests[index]["manifests"][0]["digest"])
    memory.repos["web"].tags["a-v1.0.0-amd64"] = platform
    found, decision = look(memory, LAST, ONE)
    # It has no date of its own; that of the release's record is known.
    assert [item.tags for item in decision.going][:2] == [("a-v1.0.0-amd64",), ("v1.0.0",)]
    done = anyio.run(remove, cast(Client, memory), found, decision, LAST, lambda _: None)
    assert done.left == []
    assert memory.deleted.index(index) < memory.deleted.index(platform)


def test_what_only_a_record_tells_of_is_found(memory: Memory) -> None:
    bare = [memory.platform("web", "no tag, nothing attached")]
    memory.record("20250110T000000Z", {"web": [*bare, *bare]}, started=NOW - 30 * DAYS, environment="other")
    prune(memory, Rules(patterns=("v1*",)), ONE)
    assert bare[0] not in memory.repos["web"].manifests


@pytest.mark.parametrize(
    ("registry", "said"),
    [("ghcr.io", "actions/delete-package-versions"), ("docker.io", "hub.docker.com"),
     ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "lifecycle policy")],
)  # fmt: skip
def test_a_kind_that_deletes_nothing_is_told_with_what_does(registry: str, said: str, memory: Memory) -> None:
    memory.target = Target(registry=registry, prefix="shop/")
    before = memory.state()
    done = prune(memory, LAST, ONE)
    assert memory.state() == before
    assert done.gone == []
    assert done.failure is not None
    assert said in done.failure.remedy


def test_what_is_deployed_needs_no_tag_to_be_found(memory: Memory) -> None:
    shared = memory.platform("web", "shared")
    memory.record("20250104T000000Z", {"web": [shared, shared]}, environment="other")
    entries = {"mediaType": INDEX, "manifests": [{"digest": shared}]}
    hidden = memory.put("web", entries)
    prune(memory, Rules(patterns=("v1*",), deployed={hidden: "k8s.yaml:1"}), ONE)
    assert {hidden, shared} <= memory.repos["web"].manifests.keys()
