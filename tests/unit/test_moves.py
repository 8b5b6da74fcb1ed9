from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipelines.model import OCI, Tag
from pipelines.moves import Held, Named, moves, taken
from pipelines.tags import TagKind, TagReason

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


def tag(text: str, kind: TagKind = TagKind.LINE) -> TagReason:
    return TagReason(tag=Tag(text), reason="a reason", kind=kind)


@pytest.mark.parametrize(
    ("line", "released", "kept"),
    [
        ("v1", ["v1.2.3"], None),
        ("v1", ["v1.2.4"], "v1.2.4 is released"),
        ("v1", ["v1.9.0", "v1.10.0", "v2.0.0"], "v1.10.0 is released"),
        ("v1", ["v2.0.0", "v1.9.0-rc.1", "v1.2", "main"], None),
        ("v1.2", ["v1.3.0"], None),
        ("v1.2", ["v1.2.10"], "v1.2.10 is released"),
        ("latest", ["v1.3.0-rc.1", "v1.2.2"], None),
        ("latest", ["v2.0.0"], "v2.0.0 is released"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "staging-"])
def test_a_line_moves_to_higher_versions_only(
    samples: Samples, prefix: str, line: str, released: list[str], kept: str | None
) -> None:
    old, new = samples.digest("old"), samples.digest("new")
    service = samples.service(tags=(tag(prefix + line),))
    held = Held(tags=[prefix + text for text in released], named={Tag(prefix + line): Named(digest=old)})
    (move,) = moves(service.wanted, held, new, prefix=prefix)
    assert (move.kept, move.before, move.after) == (kept, old, old if kept else new)


def test_the_tags_of_another_environment_do_not_count(samples: Samples) -> None:
    service = samples.service(tags=(tag("staging-v1"),))
    held = Held(tags=["v1.9.0"], named={Tag("staging-v1"): Named(digest=samples.digest("old"))})
    (move,) = moves(service.wanted, held, samples.digest("new"), prefix="staging-")
    assert move.kept is None


def test_a_line_that_is_not_there_is_made_though_a_higher_version_is_there(samples: Samples) -> None:
    (move,) = moves(samples.service(tags=(tag("v1"),)).wanted, Held(tags=["v1.9.0"]), samples.digest("new"), prefix="")
    assert (move.before, move.after, move.kept) == (None, samples.digest("new"), None)


@pytest.mark.parametrize(
    ("kind", "version"), [(TagKind.NEWEST, "v1.2.3"), (TagKind.NEWEST, None), (TagKind.LINE, None)]
)
@pytest.mark.parametrize(("seconds", "stays"), [(1, True), (0, False), (-1, False)])
def test_without_a_version_the_later_commit_counts(
    samples: Samples, kind: TagKind, version: str | None, seconds: int, stays: bool
) -> None:
    service = samples.service(tags=(tag("latest", kind),), version=version)
    there = service.revision.committed + timedelta(seconds=seconds)
    named = Named(digest=samples.digest("old"), annotations={f"{OCI}created": there.isoformat()})
    (move,) = moves(service.wanted, Held(named={Tag("latest"): named}), samples.digest("new"), prefix="")
    assert (move.kept is not None) is stays
    assert move.after == samples.digest("old" if stays else "new")


def test_what_says_nothing_of_its_age_is_passed(samples: Samples) -> None:
    service = samples.service(tags=(tag("latest", TagKind.NEWEST),))
    named = Named(digest=samples.digest("old"), annotations={f"{OCI}created": "yesterday"})
    (move,) = moves(service.wanted, Held(named={Tag("latest"): named}), samples.digest("new"), prefix="")
    assert move.kept is None


def test_other_tags_move_with_every_run(samples: Samples) -> None:
    service = samples.service(tags=(tag("main", TagKind.FREE),))
    held = Held(tags=["v9.0.0"], named={Tag("main"): Named(digest=samples.digest("old"))})
    (move,) = moves(service.wanted, held, samples.digest("new"), prefix="")
    assert (move.before, move.after) == (samples.digest("old"), samples.digest("new"))


def test_a_release_tag_with_another_image_is_taken_and_what_is_there_is_said(samples: Samples) -> None:
    annotations = {f"{OCI}version": "v1.2.3", f"{OCI}revision": "abc", f"{OCI}created": "2025-01-01T00:00:00Z"}
    there = Named(digest=samples.digest("old"), annotations=annotations)
    held = Held(named={Tag("v1.2.3"): there, Tag("v1.2"): there})
    (said,) = taken(samples.service().wanted, held, samples.digest("new"))
    old, new = samples.digest("old").short, samples.digest("new").short
    assert said == f"v1.2.3 of aidb is {old} (v1.2.3, abc, 2025-01-01T00:00:00Z), and this release made {new}"
    assert taken(samples.service().wanted, held, samples.digest("old")) == []
    assert taken(samples.service().wanted, Held(), samples.digest("new")) == []
    assert taken(replace(samples.service(), tags=()).wanted, held, samples.digest("new")) == []
