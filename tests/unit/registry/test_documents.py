from __future__ import annotations

import hashlib
import json

import pytest

from pipelines.errors import ConfigError
from pipelines.model import Digest, Tag
from pipelines.registry.documents import (
    INDEX,
    MANIFEST,
    Document,
    Held,
    Referrer,
    fallback_tag,
    is_attachment,
    manifest_of,
    referrers_in,
)
from pipelines.registry.holdings import kind_of_attachment
from pipelines.registry.reference import Reference, parse_reference

DIGEST = Digest("sha256:" + "a" * 64)
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.mark.parametrize(
    ("tag", "attached"),
    [
        ("sha256-" + "a" * 64, True),
        ("sha256-" + "a" * 64 + ".sig", True),
        ("sha256-" + "a" * 64 + ".att", True),
        ("sha256-" + "a" * 63, False),
        ("v1.2.3", False),
        ("sha256-notes", False),
    ],
)
def test_tags_of_attachments(tag: str, attached: bool) -> None:
    assert is_attachment(tag) is attached


def test_the_fallback_tag() -> None:
    assert fallback_tag(DIGEST) == "sha256-" + "a" * 64
    assert is_attachment(fallback_tag(DIGEST))


@pytest.mark.parametrize(
    ("predicate", "content", "kind", "words"),
    [
        ("https://sigstore.dev/cosign/sign/v1", "dsse-envelope", BUNDLE, "signature"),
        ("", "message-signature", BUNDLE, "signature"),
        ("", "", "application/vnd.dev.cosign.simplesigning.v1+json", "signature"),
        ("https://spdx.dev/Document", "dsse-envelope", BUNDLE, "SBOM (SPDX)"),
        ("https://cyclonedx.org/bom", "dsse-envelope", BUNDLE, "SBOM (CycloneDX)"),
        ("https://slsa.dev/provenance/v1", "dsse-envelope", BUNDLE, "provenance (SLSA)"),
        ("https://example.com/mine/v1", "dsse-envelope", BUNDLE, "https://example.com/mine/v1"),
        ("", "", "application/vnd.example", "application/vnd.example"),
        ("", "", "", MANIFEST),
    ],
)
def test_what_is_attached_in_words(predicate: str, content: str, kind: str, words: str) -> None:
    annotations = {"dev.sigstore.bundle.predicateType": predicate, "dev.sigstore.bundle.content": content}
    made = Referrer(digest=DIGEST, media_type=MANIFEST, size=1, artifact_type=kind, annotations=annotations)
    assert kind_of_attachment(made) == words


BLOB = Held(digest=DIGEST, media_type="text/plain", size=5)


def test_an_artifact_is_a_manifest_as_the_specification_has_it() -> None:
    text = manifest_of(BLOB, "application/vnd.example", None)
    document = json.loads(text)
    assert document["artifactType"] == "application/vnd.example"
    assert document["config"]["digest"] == "sha256:" + hashlib.sha256(b"{}").hexdigest()
    held = Document(digest=DIGEST, media_type=MANIFEST, size=len(text), document=document)
    assert held.blobs[1:] == (BLOB,)
    assert held.children == ()
    noted = json.loads(manifest_of(BLOB, "application/vnd.example", held))
    assert noted["subject"] == {"mediaType": MANIFEST, "digest": DIGEST, "size": len(text)}


def test_an_index_has_children_and_no_blobs() -> None:
    entry = {"mediaType": MANIFEST, "digest": str(DIGEST), "size": 7}
    held = Document(digest=DIGEST, media_type=INDEX, size=1, document={"manifests": [entry]})
    assert [(child.digest, child.size) for child in held.children] == [(DIGEST, 7)]
    assert held.blobs == ()


def test_a_list_of_referrers_with_next_to_nothing_said() -> None:
    (found,) = referrers_in([{"digest": str(DIGEST), "annotations": None}])
    assert found == Referrer(digest=DIGEST, media_type="", size=0, artifact_type="", annotations={})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web", Reference(service="web")),
        ("web:v1", Reference(service="web", tag=Tag("v1"))),
        (f"web@{DIGEST}", Reference(service="web", digest=DIGEST)),
    ],
)
def test_references(text: str, found: Reference) -> None:
    assert parse_reference(text, ["api", "web"]) == found
    assert f"{found.service}{found.suffix}" == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wbe", "did you mean 'web'"),
        ("", "no such service: ''"),
        ("web:", "is not an image tag"),
        ("web:.x", "is not an image tag"),
        ("web@", "is not a digest"),
        ("web:v1@sha256:12", "no such service: 'web:v1'"),
        ("ghcr.io/web", "no such service"),
    ],
)
def test_what_is_no_reference(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_reference(text, ["api", "web"])
