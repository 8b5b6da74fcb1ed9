from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.images import repository_of
from pipelines.model import Target
from pipelines.record import Record
from pipelines.render.images import Images

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("written", "repository"),
    [
        ("postgres", "docker.io/library/postgres"),
        ("postgres:16", "docker.io/library/postgres"),
        ("bitnami/redis:7@" + DIGEST, "docker.io/bitnami/redis"),
        ("index.docker.io/bitnami/redis", "docker.io/bitnami/redis"),
        ("localhost/web", "localhost/web"),
        ("localhost:5000/web", "localhost:5000/web"),
        ("localhost:5000/web:v1", "localhost:5000/web"),
        ("GHCR.io/shop/web@" + DIGEST, "ghcr.io/shop/web"),
        ("[::1]:5000/a/b:c", "[::1]:5000/a/b"),
        ("ghcr.io/shop/web:${TAG:-latest}", "ghcr.io/shop/web"),
        ("ghcr.io/shop/web:v$MAJOR.2", "ghcr.io/shop/web"),
        ("${REGISTRY}/web:1", "${REGISTRY}/web:1"),
        ("PLACEHOLDER", "docker.io/library/PLACEHOLDER"),
    ],
)
def test_whose_image_it_is(written: str, repository: str) -> None:
    assert repository_of(written) == repository


def test_an_image_keeps_its_registry_unless_one_is_chosen(record: Record, reference: Callable[..., str]) -> None:
    images = Images(record=record)
    for written, service, at in (
        ("ghcr.io/sealift/aidb:v1", "aidb", "ghcr.io/sealift"),
        ("quay.io:8443/mirror/docs@" + DIGEST, "docs", "quay.io:8443/mirror"),
    ):
        ours = images.ours(written)
        assert ours and (ours.service, ours.reference) == (service, reference(service, at))
        ours = Images(record=record, target=record.targets[0]).ours(written)
        assert ours and ours.reference == reference(service)


@pytest.mark.parametrize(
    "written", ["postgres:16", "ghcr.io/other/aidb:v1", "quay.io/mirror/aidb", "aidb", "ghcr.io/sealift-x/aidb"]
)
def test_images_of_others_are_left_alone(record: Record, written: str) -> None:
    assert Images(record=record).ours(written) is None


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "ghcr.io/sealift/dcos:v1",
            r"has no record of 'ghcr\.io/sealift/dcos'; did you mean 'docs'\? it has aidb, docs",
        ),
        ("ghcr.io/sealift/staging/docs", "has no record of 'ghcr.io/sealift/staging/docs'"),
        ("quay.io:8443/mirror/web@" + DIGEST, "has no record of"),
        ("${REGISTRY}/docs:1", "depends on a variable"),
    ],
)
def test_an_image_that_should_be_of_the_release_is_refused(record: Record, written: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Images(record=record).ours(written)


def test_what_is_refused_can_be_kept_or_mapped(record: Record, reference: Callable[..., str]) -> None:
    kept = Images(record=record, kept=("web", "ghcr.io/sealift/staging/*", "${REGISTRY}/*"))
    for written in ("ghcr.io/sealift/web:v1", "ghcr.io/sealift/staging/docs", "${REGISTRY}/docs:1"):
        assert kept.ours(written) is None
    with pytest.raises(ValueError, match="has no record of"):
        kept.ours("ghcr.io/sealift/api")
    ours = kept.ours("ghcr.io/sealift/aidb")
    assert ours is not None
    mapped = Images(record=record, mapped={repository_of("old/docs"): "docs", repository_of("${DOCS}"): "docs"})
    for written in ("old/docs:1.0", "docker.io/old/docs", "${DOCS}"):
        ours = mapped.ours(written)
        assert ours and ours.reference == reference("docs")


def test_without_a_prefix_everything_at_the_registry_is_of_the_release(record: Record) -> None:
    plan = record.plan.model_copy(update={"targets": (record.plan.targets[0].model_copy(update={"prefix": ""}),)})
    bare = record.model_copy(update={"plan": plan})
    assert bare.targets == (Target(registry="ghcr.io"),)
    ours = Images(record=bare).ours("ghcr.io/docs:v1")
    assert ours is not None
    with pytest.raises(ValueError, match="has no record of"):
        Images(record=bare).ours("ghcr.io/other/thing")
