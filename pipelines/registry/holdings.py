"""What a repository holds: its versions, and what there is to know of one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pipelines.errors import RegistryError
from pipelines.key import is_key_tag
from pipelines.model import OCI, Digest, Repository, Tag
from pipelines.registry.client import Client
from pipelines.registry.concurrent import all_of
from pipelines.registry.documents import Document, Referrer, is_attachment
from pipelines.trust import SIGNATURE

_BUNDLE = "dev.sigstore.bundle."
_PREDICATES = (
    ("spdx", "SBOM (SPDX)"), ("cyclonedx", "SBOM (CycloneDX)"), ("slsa.dev/provenance", "provenance (SLSA)"),
    ("cosign.sigstore.dev/attestation/vuln", "vulnerabilities"), ("openvex", "VEX"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PlatformImage:
    """One platform's image, as its manifest and configuration say.

    :param size: compressed bytes of configuration and layers.
    :param layers: compressed bytes of each.
    """

    digest: Digest
    size: int
    layers: tuple[int, ...]
    created: str
    user: str
    labels: Mapping[str, str] = field(default_factory=dict)
    attached: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Version:
    """What one digest of a service is.

    :param created: as the image says, RFC 3339; empty if it does not.
    :param attached: what kind of things are attached to it: `signature`, `SBOM (SPDX)`, …
    :param release: id of the release that made it, if there is a record of that.
    """

    repository: Repository
    digest: Digest
    tags: tuple[Tag, ...]
    created: str
    annotations: Mapping[str, str]
    platforms: Mapping[str, PlatformImage]
    attached: tuple[str, ...]
    release: str | None = None

    @property
    def size(self) -> int:
        """Compressed bytes of the largest platform."""
        return max((image.size for image in self.platforms.values()), default=0)

    @property
    def signed(self) -> bool:
        """Whether signatures are attached. They are not verified."""
        return "signature" in self.attached

    def as_json(self) -> dict[str, Any]:
        return {
            "repository": str(self.repository),
            "digest": self.digest,
            "tags": list(self.tags),
            "created": self.created or None,
            "size": self.size,
            "signed": self.signed,
            "attached": list(self.attached),
            "release": self.release,
            "annotations": dict(self.annotations),
            "platforms": {
                name: {
                    "digest": image.digest, "size": image.size, "layers": list(image.layers), "created": image.created,
                    "user": image.user, "labels": dict(image.labels), "attached": list(image.attached),
                }
                for name, image in self.platforms.items()
            },
        }  # fmt: skip


async def tagged(client: Client, repository: Repository) -> dict[Digest, tuple[Tag, ...]]:
    """Digest → the tags that name it; those of attachments and of checks are left out."""
    tags = [Tag(tag) for tag in await client.tags(repository) if not (is_attachment(tag) or is_key_tag(tag))]
    digests = await all_of(partial(client.resolve, repository, tag) for tag in tags)
    found: dict[Digest, tuple[Tag, ...]] = {}
    for tag, digest in zip(tags, digests, strict=True):
        if digest:
            found[digest] = (*found.get(digest, ()), tag)
    return found


async def versions(
    client: Client, repository: Repository, *, most: int, made: Mapping[Digest, str]
) -> tuple[list[Version], int]:
    """The newest versions of a service, the newest first, and how many there are.

    :param made: index → id of the release that made it, which begins with its time: images of one commit have one age.
    """
    found = await tagged(client, repository)
    held = await all_of(partial(client.manifest, repository, digest) for digest in found)
    documents = {document.digest: document for document in held if document is not None}
    created = await all_of(partial(_created, client, repository, document) for document in documents.values())
    ages = dict(zip(documents, created, strict=True))
    order = sorted(documents, key=lambda digest: (ages[digest], made.get(digest, ""), digest), reverse=True)
    shown = await all_of(
        partial(describe, client, repository, documents[digest], found[digest]) for digest in order[:most]
    )
    return [replace(version, release=made.get(version.digest)) for version in shown], len(order)


async def describe(client: Client, repository: Repository, document: Document, tags: tuple[Tag, ...]) -> Version:
    """Everything that there is to know of a manifest or index."""
    parts = [document] if not document.is_index else await all_of(
        partial(_there, client, repository, child.digest) for child in document.children
    )  # fmt: skip
    images = await all_of(partial(_image, client, repository, part) for part in parts)
    annotations = {str(key): str(value) for key, value in (document.document.get("annotations") or {}).items()}
    return Version(
        repository=repository,
        digest=document.digest,
        tags=tags,
        created=await _created(client, repository, document),
        annotations=annotations,
        platforms={name: image for name, image in images if name},
        attached=_kinds(await client.referrers(repository, document.digest)),
    )


async def _there(client: Client, repository: Repository, digest: Digest) -> Document:
    document = await client.manifest(repository, digest)
    if document is None:
        raise RegistryError(
            f"{repository.at(digest)} is named by an index, but is not there",
            remedy="a deletion or a copy was broken off: publish the image again",
            step="registry",
        )
    return document


async def _image(client: Client, repository: Repository, manifest: Document) -> tuple[str, PlatformImage]:
    config: Mapping[str, Any] = {}
    blobs = manifest.blobs
    if blobs and blobs[0].media_type.endswith(("image.config.v1+json", "container.image.v1+json")):
        document = await client.blob(repository, blobs[0].digest)
        config = document.document if document else {}
    parts = (config.get("os"), config.get("architecture"), config.get("variant"))
    runtime = config.get("config") or {}
    return "/".join(map(str, filter(None, parts))), PlatformImage(
        digest=manifest.digest,
        size=sum(blob.size for blob in blobs),
        layers=tuple(blob.size for blob in blobs[1:]),
        created=str(config.get("created") or ""),
        user=str(runtime.get("User") or ""),
        labels={str(key): str(value) for key, value in (runtime.get("Labels") or {}).items()},
        attached=_kinds(await client.referrers(repository, manifest.digest)),
    )


async def _created(client: Client, repository: Repository, document: Document) -> str:
    """When an image was made: by its annotation, else by the configuration of its first platform."""
    said = (document.document.get("annotations") or {}).get(f"{OCI}created")
    if said:
        return str(said)
    if document.is_index:
        if not document.children:
            return ""
        document = await _there(client, repository, document.children[0].digest)
    return (await _config_created(client, repository, document)) or ""


async def _config_created(client: Client, repository: Repository, manifest: Document) -> str | None:
    config = manifest.document.get("config") or {}
    if not str(config.get("mediaType", "")).endswith(("image.config.v1+json", "container.image.v1+json")):
        return None
    document = await client.blob(repository, Digest(config["digest"]))
    return str(document.document.get("created") or "") if document else None


def _kinds(attached: Sequence[Referrer]) -> tuple[str, ...]:
    """What is attached, each kind once, in words."""
    return tuple(sorted({kind_of_attachment(item) for item in attached}))


def kind_of_attachment(item: Referrer) -> str:
    """`signature`, `SBOM (SPDX)` and the like: by what Sigstore bundles say of themselves, else by the media type."""
    predicate = item.annotations.get(f"{_BUNDLE}predicateType", "")
    content = item.annotations.get(f"{_BUNDLE}content", "")
    if predicate == SIGNATURE or content == "message-signature" or "cosign.simplesigning" in item.artifact_type:
        return "signature"
    named = next((name for mark, name in _PREDICATES if mark in predicate), None)
    return named or predicate or item.artifact_type or item.media_type
