"""What there is to verify of an image, as a registry answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from pipelines.errors import RegistryError
from pipelines.expected import Subject
from pipelines.model import Digest, Platform, Repository, Sealed, Tag, Target
from pipelines.predicates import ANNOTATION
from pipelines.registry.client import Client
from pipelines.registry.documents import INDEX, MANIFEST, Document
from pipelines.registry.images import image_at
from tests.unit.registry.memory import digest_of

TARGET = Target(registry="ghcr.io", prefix="acme/")
SUBJECT = Subject(
    service="web",
    target=TARGET,
    shown="web:v1",
    tag=Tag("v1"),
    platforms=(Platform("linux/amd64"), Platform("linux/arm64")),
)


@dataclass
class Answers:
    """A registry that has these documents."""

    documents: dict[str, Document] = field(default_factory=dict)
    target: Target = TARGET

    def put(self, content: Mapping[str, Any], media_type: str, tag: str = "") -> Digest:
        data = json.dumps(content).encode()
        digest = digest_of(data)
        made = Document(digest=digest, media_type=media_type, size=len(data), document=content)
        self.documents |= {digest: made} | ({tag: made} if tag else {})
        return digest

    async def manifest(self, _: Repository, reference: str) -> Document | None:
        return self.documents.get(reference)

    blob = manifest

    async def image(self, subject: Subject = SUBJECT) -> Sealed | None:
        return await image_at(cast(Client, self), subject)


def entry(digest: str, os: str = "linux", **platform: str) -> dict[str, Any]:
    return {"digest": digest, "platform": {"os": os, **platform}}


ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.mark.anyio
async def test_an_index_with_what_it_announces() -> None:
    registry = Answers()
    entries = [entry(ONE, architecture="amd64"), entry(TWO, architecture="arm64", variant="v8")]
    annotations = {ANNOTATION: "spdxjson,slsaprovenance1", "org.opencontainers.image.version": "v1.2.3"}
    digest = registry.put({"manifests": entries, "annotations": annotations}, INDEX, "v1")
    found = await registry.image()
    platforms = {Platform("linux/amd64"): Digest(ONE), Platform("linux/arm64"): Digest(TWO)}
    kinds = ("spdxjson", "slsaprovenance1", "vuln")
    assert found == Sealed(service="web", index=digest, platforms=platforms, version="v1.2.3", attested=kinds)
    rehearsed = await registry.image(replace(SUBJECT, rehearsal=True))
    assert rehearsed and rehearsed.attested == ("spdxjson", "slsaprovenance1")
    theirs = await registry.image(replace(SUBJECT, foreign=True))
    assert theirs and (theirs.platforms, theirs.attested) == ({}, ())


@pytest.mark.anyio
async def test_two_variants_of_a_platform_stay_two() -> None:
    registry = Answers()
    variants = [entry(ONE, architecture="arm", variant="v6"), entry(TWO, architecture="arm", variant="v7")]
    registry.put({"manifests": variants}, INDEX, "v1")
    found = await registry.image()
    assert found and list(found.platforms.values()) == [ONE, TWO]


@pytest.mark.anyio
async def test_one_platform_s_manifest() -> None:
    registry = Answers()
    labels = {"config": {"Labels": {"org.opencontainers.image.version": "v1"}}}
    config = registry.put({"os": "linux", "architecture": "arm64", **labels}, "")
    media = "application/vnd.oci.image.config.v1+json"
    digest = registry.put({"config": {"digest": config, "mediaType": media}}, MANIFEST)
    found = await registry.image(replace(SUBJECT, tag=None, digest=digest))
    assert found and (found.index, found.platforms, found.version) == (digest, {Platform("linux/arm64"): digest}, "v1")
    assert found.attested == ("spdxjson", "cyclonedx", "vuln")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ({"manifests": [{"digest": ONE}]}, INDEX),
        ({"manifests": [entry(ONE, os="windows", architecture="amd64")]}, INDEX),
        ({"config": {"digest": ONE, "mediaType": "x"}}, MANIFEST),
    ],
)
async def test_what_is_no_image(content: dict[str, Any], media_type: str) -> None:
    registry = Answers()
    registry.put(content, media_type, "v1")
    with pytest.raises(RegistryError, match="is no "):
        await registry.image()


@pytest.mark.anyio
async def test_what_is_not_there() -> None:
    assert await Answers().image() is None
