from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pipelines.errors import ConfigError
from pipelines.model import Target
from pipelines.predicates import ALWAYS, SBOMS
from pipelines.record import read, updated
from pipelines.release import Place, Release, ServiceRelease

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

THERE = Target(registry="quay.io", prefix="mirror/", insecure=True)


def two_targets(samples: Samples) -> Release:
    """A published release of two registries."""
    release = samples.published()
    plan = replace(release.plan, targets=(*release.plan.targets, THERE), move_back=False)
    services = {
        name: ServiceRelease(index=made.index, places=(*made.places, Place(target=THERE, tags=made.places[0].tags)))
        for name, made in (release.services or {}).items()
    }
    return replace(release, plan=plan, services=services)


@pytest.mark.parametrize("name", ["release", "published", "refused", "rehearsed"])
def test_every_record_that_is_written_can_be_read(samples: Samples, name: str) -> None:
    release: Release = getattr(samples, name)()
    record = read(release.text(), "x")
    assert (record.id, record.state, record.targets) == (release.id, release.state, release.plan.targets)
    assert record.found == (release.services or {})
    assert record.tags == release.tags


def test_what_is_read_is_what_was_released_to_each_registry(samples: Samples) -> None:
    release = two_targets(samples)
    record = read(release.text(), "x")
    assert record.targets == release.plan.targets
    assert record.found == release.services
    assert record.plan.when_tags_fail == "stop"
    aidb = record.lot["aidb"]
    assert aidb.index == samples.digest("aidb index")
    assert aidb.platforms == {
        samples.amd64: samples.digest("aidb linux/amd64"),
        samples.arm64: samples.digest("aidb linux/arm64"),
    }


def test_the_tags_that_a_record_is_kept_under(samples: Samples) -> None:
    release = samples.published()
    assert release.tags == ("20250120T143000Z-ccccccc-9f2c", "v1.2.3")
    staging = replace(release, plan=replace(release.plan, tag_prefix="staging-"))
    assert staging.tags[1:] == ("staging-v1.2.3",)
    own = samples.plan([samples.service(), samples.service("docs", version=None, published=False)], version=None)
    assert replace(release, plan=own).tags[1:] == ("aidb-v1.2.3",)
    none = samples.plan([samples.service(version=None)], version=None)
    assert replace(release, plan=none).tags[1:] == ()


def test_the_next_state_keeps_what_is_not_said(samples: Samples) -> None:
    release = two_targets(samples)
    moving = release.at("moving", finished=None)
    finished = datetime(2025, 1, 21, tzinfo=UTC)
    text = updated(moving.text(), state="published", finished=finished, found=release.services)
    assert text == release.at("published", finished=finished).text()
    assert json.loads(updated(moving.text(), state="undone")) == json.loads(moving.at("undone").text())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 1}, "format: Input should be 2"),
        ({"state": "done"}, "state: Input should be 'examined'"),
        (
            {"services": {"aidb": {"index": "x", "published": [], "platforms": {}}}},
            "services.aidb.index: Value error, 'x'",
        ),
    ],
)
def test_what_is_no_record_is_told_by_its_keys(samples: Samples, change: dict[str, object], said: str) -> None:
    document = {**samples.published().as_json(), **change}
    with pytest.raises(ConfigError, match="dist/release.json is no release record of format 2") as caught:  # noqa: RUF043
        read(json.dumps(document), "dist/release.json")
    assert said in caught.value.what


def test_everything_that_is_wrong_is_told(samples: Samples) -> None:
    document = {**samples.published().as_json(), "format": 1, "id": 5}
    with pytest.raises(ConfigError) as caught:
        read(json.dumps(document), "x")
    assert len(caught.value.what.splitlines()) == 3


def test_a_registry_that_is_left_out_is_told(samples: Samples) -> None:
    document = two_targets(samples).as_json()
    document["services"]["docs"]["published"].pop()
    with pytest.raises(ConfigError, match="docs is published at 1 registries of 2"):
        read(json.dumps(document), "x")


def test_keys_of_a_later_version_are_no_fault(samples: Samples) -> None:
    document = samples.published().as_json() | {"provenance": {}}
    assert read(json.dumps(document), "x").state == "published"


def test_images_of_earlier_versions_have_sboms_only(samples: Samples) -> None:
    """A record says what is attested to its images; those from before the key was there have no scan, no provenance."""
    record = read(samples.published().text(), "x")
    assert record.lot["aidb"].attested == ALWAYS
    assert record.silent == set()
    document = json.loads(samples.published().text())
    del document["services"]["aidb"]["attested"]
    older = read(json.dumps(document), "x")
    assert (older.lot["aidb"].attested, older.lot["docs"].attested) == (SBOMS, ALWAYS)
    assert older.silent == {"aidb"}
