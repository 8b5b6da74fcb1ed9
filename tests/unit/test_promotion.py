from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pipelines.config import Config, Flags, Settings, resolve
from pipelines.errors import ConfigError
from pipelines.model import Digest, Tag, Target
from pipelines.moves import TagMove
from pipelines.promotion import Destination, check_fit, moved_back, new_record, wanted_at, wanted_of
from pipelines.record import Record, read
from pipelines.tags import TagKind

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

NOW = datetime(2025, 3, 1, tzinfo=UTC)
HERE = Target(registry="ghcr.io", prefix="sealift/")


def settings(**environment: object) -> Settings:
    config = {
        "version": 1,
        "project": "shop",
        "source": "https://example.com/shop",
        "services": {"aidb": {}, "docs": {}},
        "environments": {"local": {"registry": "localhost:5000"}, "prod": {"registry": "quay.io", **environment}},
    }
    return resolve(Config.model_validate(config), environ={}, flags=Flags(env="prod"))


def record(samples: Samples) -> Record:
    return read(samples.published().text(), "x")


def test_only_what_was_published_and_is_fit_goes_outside(samples: Samples) -> None:
    check_fit(record(samples), [HERE])
    for state in ("recorded", "moving", "undone"):
        with pytest.raises(ConfigError, match=f"in the state '{state}'"):
            check_fit(read(samples.published().at(state).text(), "x"), [HERE])
    rehearsal = read(samples.rehearsed().at("published").text(), "x")
    check_fit(rehearsal, [Target(registry="localhost:5001", insecure=True)])
    with pytest.raises(ConfigError, match=r"is a rehearsal, not fit for release, and ghcr\.io/sealift is not on this"):
        check_fit(rehearsal, [Target(registry="localhost:5001", insecure=True), HERE])


def test_the_other_environments_rules_make_the_tags(samples: Samples) -> None:
    there = settings(tags=["semver", "latest-on-release", "branch", "sha"], tag_prefix="p-")
    aidb, docs = wanted_at(record(samples), there, "main", now=NOW)
    assert [(item.tag, item.kind) for item in aidb.tags] == [
        ("p-v1.2.3", TagKind.RELEASE),
        ("p-v1.2", TagKind.LINE),
        ("p-v1", TagKind.LINE),
        ("p-latest", TagKind.LINE),
        ("p-ccccccc", TagKind.FREE),
    ]
    assert (aidb.service, docs.service, aidb.version) == ("aidb", "docs", "v1.2.3")
    with pytest.raises(ConfigError, match="none of the tag rules branch gives a tag"):
        wanted_at(record(samples), settings(tags=["branch"]), "main", now=NOW)


def test_in_its_own_environment_a_release_keeps_its_tags(samples: Samples) -> None:
    aidb, docs = wanted_of(record(samples))
    assert [(item.tag, item.kind) for item in aidb.tags] == [("v1.2.3", TagKind.RELEASE), ("v1.2", TagKind.LINE)]
    assert [item.tag for item in docs.tags] == ["v1.2.3", "v1.2"]


def test_lines_go_back_and_release_tags_stay(samples: Samples) -> None:
    earlier = record(samples)
    newer = samples.digest("newer")

    def names(service: str, tag: Tag) -> Digest | None:
        return earlier.lot[service].index if tag == "v1.2.3" else newer

    now = {(name, HERE, Tag(tag)): names(name, Tag(tag)) for name in ("aidb", "docs") for tag in ("v1.2.3", "v1.2")}
    back = moved_back(earlier, now)
    assert {name: [(move.before, move.after) for move in made.places[0].tags] for name, made in back.items()} == {
        name: [(earlier.lot[name].index,) * 2, (newer, earlier.lot[name].index)] for name in ("aidb", "docs")
    }


def test_a_release_tag_that_is_gone_comes_back_and_one_that_names_another_image_is_let_be(samples: Samples) -> None:
    earlier = record(samples)
    other = samples.digest("other")
    now: dict[tuple[str, Target, Tag], Digest | None] = {
        (name, HERE, Tag(tag)): None for name in ("aidb", "docs") for tag in ("v1.2.3", "v1.2")
    }
    now["docs", HERE, Tag("v1.2.3")] = other
    back = moved_back(earlier, now)
    assert [move.after for move in back["aidb"].places[0].tags] == [earlier.lot["aidb"].index] * 2
    assert [move.after for move in back["docs"].places[0].tags] == [other, earlier.lot["docs"].index]


def test_a_tag_that_the_earlier_release_left_alone_is_not_its_to_take(samples: Samples) -> None:
    release = samples.published()
    higher = samples.digest("v1.3.0")
    made = samples.released(
        TagMove(tag=Tag("v1.2.3"), before=None, after=samples.digest("aidb index"), moved=True),
        TagMove(tag=Tag("v1"), before=higher, after=higher, kept="v1.3.0 is released"),
    )
    release = replace(release, services={**(release.services or {}), "aidb": made})
    earlier = read(release.text(), "x")
    tags = {"aidb": ("v1.2.3", "v1"), "docs": ("v1.2.3", "v1.2")}
    now: dict[tuple[str, Target, Tag], Digest | None] = {
        (name, HERE, Tag(tag)): higher for name in tags for tag in tags[name]
    }
    line = moved_back(earlier, now)["aidb"].places[0].tags[1]
    assert (line.before, line.after) == (higher, higher)


def test_the_new_record_is_one_and_says_where_it_comes_from(samples: Samples) -> None:
    old = record(samples)
    to = Destination.of(settings(tags=["semver"], tag_prefix="p-", when_tags_fail="stop"))
    text = new_record(
        samples.published().text(), run="20250301T000000Z-prod-1a2b", started=NOW, to=to, source=HERE, found=old.found,
        because="promoted from prod, release x",
    )  # fmt: skip
    new = read(text, "new")
    assert (new.id, new.state, new.finished) == ("20250301T000000Z-prod-1a2b", "recorded", None)
    assert (new.plan.environment, new.targets) == ("prod", (Target(registry="quay.io"),))
    assert new.source is not None
    assert new.source.target == HERE
    assert (new.because, new.plan.when_tags_fail) == ("promoted from prod, release x", "stop")
    assert new.tags == ("20250301T000000Z-prod-1a2b", "p-v1.2.3")
    assert new.lot == old.lot
