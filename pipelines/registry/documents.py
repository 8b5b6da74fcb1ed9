"""What registries hold besides blobs: manifests, indexes, and what is attached to them. Plain data; asks nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.model import Digest, Tag

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER = "application/vnd.docker.distribution.manifest"
MANIFESTS = (INDEX, MANIFEST, f"{_DOCKER}.list.v2+json", f"{_DOCKER}.v2+json")
"""Media types that are asked for; the image specification's, and those of Docker before it."""

INDEXES = (INDEX, f"{_DOCKER}.list.v2+json")

EMPTY = b"{}"
"""The image specification's empty configuration."""
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
OCTETS = "application/octet-stream"
"""Of a blob of which nothing else is known."""

# A registry without the referrers API has the list of what is attached to a digest under its name with a dash (the
# distribution specification, "Referrers Tag Schema"); Cosign's older formats add what it is.
_ATTACHMENT = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")


@dataclass(frozen=True, kw_only=True)
class Held:
    """A descriptor: what is held under a digest.

    :param size: bytes of the document or blob itself.
    """

    digest: Digest
    media_type: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Document(Held):
    """A manifest, an index or a configuration."""

    document: Mapping[str, Any] = field(repr=False)

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def children(self) -> tuple[Held, ...]:
        """The manifests of an index."""
        return tuple(map(held, self.document.get("manifests") or ())) if self.is_index else ()

    @property
    def blobs(self) -> tuple[Held, ...]:
        """Configuration and layers of a manifest."""
        if self.is_index:
            return ()
        parts = [self.document.get("config"), *(self.document.get("layers") or ())]
        return tuple(held(part) for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class Referrer(Held):
    """A manifest that is attached to another: a signature, an attestation, or anything else.

    :param artifact_type: empty if none is said.
    """

    artifact_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)


def held(descriptor: Mapping[str, Any]) -> Held:
    """:raises KeyError, ValueError: it is no descriptor."""
    return Held(
        digest=Digest(descriptor["digest"]),
        media_type=str(descriptor.get("mediaType") or ""),
        size=int(descriptor.get("size") or 0),
    )


def referrers_in(entries: Iterable[Mapping[str, Any]]) -> tuple[Referrer, ...]:
    """The referrers of a list's entries."""
    return tuple(
        Referrer(
            digest=Digest(entry["digest"]),
            media_type=str(entry.get("mediaType") or ""),
            size=int(entry.get("size") or 0),
            artifact_type=str(entry.get("artifactType") or ""),
            annotations={str(key): str(value) for key, value in (entry.get("annotations") or {}).items()},
        )
        for entry in entries
    )


def fallback_tag(digest: Digest) -> Tag:
    """The tag under which a registry without the referrers API has what is attached to a digest."""
    return Tag(digest.replace(":", "-"))


def is_attachment(tag: str) -> bool:
    """Whether a tag is of attachments, and not of a version."""
    return _ATTACHMENT.fullmatch(tag) is not None


def manifest_of(blob: Held, artifact_type: str, subject: Held | None) -> bytes:
    """The manifest of an artifact of one blob (image specification, "Guidelines for Artifact Usage")."""
    empty = {"mediaType": EMPTY_TYPE, "digest": _EMPTY_DIGEST, "size": len(EMPTY)}
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": artifact_type,
        "config": empty,
        "layers": [_descriptor(blob)],
    }
    if subject:
        document["subject"] = _descriptor(subject)
    return json.dumps(document).encode()


def _descriptor(one: Held) -> dict[str, Any]:
    return {"mediaType": one.media_type, "digest": one.digest, "size": one.size}


_EMPTY_DIGEST = Digest("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
