"""What is expected of an image, by its configuration and its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.expected import Subject, coverage, recorded, scan_age, tagged
from pipelines.model import Digest, Platform, Sealed, Tag, Target
from pipelines.moves import TagMove
from pipelines.record import Record, read
from pipelines.verification import Outcome
from tests.unit.conftest import Samples

AMD, ARM = Platform("linux/amd64"), Platform("linux/arm64")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def record(samples: Samples) -> Record:
    return read(samples.published().text(), "a test")


def test_each_platform_that_is_expected_has_to_be_there(samples: Samples) -> None:
    subject = Subject(service="aidb", target=Target(registry="ghcr.io"), shown="aidb", platforms=(AMD, ARM))
    digests = {AMD: samples.digest("a"), ARM: samples.digest("b")}
    whole = Sealed(service="aidb", index=samples.digest("i"), platforms=digests)
    assert [check.outcome for check in coverage(subject, whole)] == [Outcome.OK]
    (check,) = coverage(subject, replace(whole, platforms={AMD: digests[AMD]}))
    assert (check.outcome, check.said) == (Outcome.REFUSED, "no image for linux/arm64")


def test_one_platform_s_manifest_is_enough_if_its_digest_names_it_and_no_tag(samples: Samples) -> None:
    digest = samples.digest("a")
    single = Sealed(service="aidb", index=digest, platforms={AMD: digest})
    subject = Subject(service="aidb", target=Target(registry="ghcr.io"), shown="aidb", platforms=(AMD,), digest=digest)
    assert list(coverage(subject, single)) == []
    (check,) = coverage(replace(subject, digest=None, tag=Tag("dev")), single)
    assert (check.outcome, check.said) == (
        Outcome.REFUSED, "one platform's manifest, and not the index that Sealift publishes",
    )  # fmt: skip


def test_the_record_and_the_registry_have_the_same_digests(record: Record, samples: Samples) -> None:
    good = record.lot["aidb"]
    assert {check.outcome for check in recorded(record, good)} == {Outcome.OK}
    changed = replace(good, platforms={**good.platforms, ARM: samples.digest("x")})
    wrong = {check.about: check.said for check in recorded(record, changed) if check.outcome is Outcome.REFUSED}
    assert list(wrong) == [ARM]
    assert samples.digest("x") in wrong[ARM]
    assert good.platforms[ARM] in wrong[ARM]
    lacking = replace(good, platforms={AMD: good.platforms[AMD]})
    assert [check.about for check in recorded(record, lacking) if check.outcome is Outcome.REFUSED] == [ARM]
    (unknown,) = recorded(record, Sealed(service="other", index=good.index, platforms={}))
    assert unknown.outcome is Outcome.REFUSED


def move(tag: str, after: Digest) -> TagMove:
    return TagMove(tag=Tag(tag), before=None, after=after, moved=True)


@pytest.mark.parametrize(
    ("tag", "names", "known", "outcome"),
    [
        ("v1.2.3", "own", False, Outcome.OK),
        ("v1.2.3", "other", True, Outcome.REFUSED),
        ("latest", "other", True, Outcome.NOTED),
        ("latest", "other", False, Outcome.REFUSED),
        ("dev", "other", True, Outcome.NOTED),
        ("dev", "", True, Outcome.REFUSED),
    ],
)
def test_a_tag_names_what_a_release_has_let_it_name(
    record: Record, samples: Samples, tag: str, names: str, known: bool, outcome: Outcome
) -> None:
    own, other = record.lot["aidb"].index, samples.digest("other")
    later: Sequence[Record] = ()
    if known:
        services = {**record.services, "aidb": record.services["aidb"].model_copy(update={"index": other})}
        later = [record.model_copy(update={"id": "later", "services": services})]
    now = {"own": own, "other": other, "": None}[names]
    check = tagged(record, "aidb", move(tag, own), now, later)
    assert check.outcome is outcome
    assert (check.name, check.about) == ("tag", tag)


@pytest.mark.parametrize(
    ("hours", "most", "outcome"),
    [(1, 24, Outcome.OK), (25, 24, Outcome.REFUSED), (25, None, Outcome.NOTED), (-2, None, Outcome.REFUSED)],
)
def test_the_age_of_a_scan(hours: int, most: int | None, outcome: Outcome) -> None:
    limit = None if most is None else timedelta(hours=most)
    (check,) = scan_age({AMD: NOW - timedelta(hours=hours)}, most=limit, now=NOW)
    assert check.outcome is outcome


def test_no_scan_has_no_age() -> None:
    assert list(scan_age({AMD: None}, most=None, now=NOW)) == []
    (check,) = scan_age({AMD: None}, most=timedelta(days=1), now=NOW)
    assert check.outcome is Outcome.REFUSED
