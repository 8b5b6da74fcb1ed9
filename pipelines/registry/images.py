"""What there is to verify of an image: its index and platforms, as a registry has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.errors import RegistryError
from pipelines.expected import Subject
from pipelines.model import VERSION, Digest, Platform, Repository, Sealed
from pipelines.predicates import SBOMS, SCAN, announced
from pipelines.registry.client import Client
from pipelines.registry.documents import Document
from pipelines.registry.remote import read_index


async def image_at(client: Client, subject: Subject) -> Sealed | None:
    """The image that is meant; None if there is no such image.

    Of one platform's manifest, by itself, everything is expected that is attested to a platform.

    :raises RegistryError: the registry's answer is neither, or what it has is no image.
    """
    repository = client.target.repository(subject.service)
    wanted = subject.digest or subject.tag
    held = await client.manifest(repository, wanted) if wanted else None
    if held is None:
        return None
    annotations: Mapping[str, str] = {
        str(key): str(value) for key, value in (held.document.get("annotations") or {}).items()
    }
    if subject.foreign:
        version = annotations.get(VERSION)
        return Sealed(service=subject.service, index=held.digest, platforms={}, version=version, attested=())
    if held.is_index:
        platforms = _platforms(repository, held, subject)
        kinds = subject.attested(announced(annotations, rehearsal=subject.rehearsal), held.digest)
    else:
        platforms, annotations = await _single(client, repository, held)
        kinds = SBOMS if subject.rehearsal else (*SBOMS, SCAN.kind)
    return Sealed(
        service=subject.service,
        index=held.digest,
        platforms=platforms,
        version=annotations.get(VERSION),
        attested=kinds,
    )


def _platforms(repository: Repository, held: Document, subject: Subject) -> dict[Platform, Digest]:
    """Every platform of an index, by the name that is expected of it: some write `linux/arm64/v8` for `linux/arm64`."""
    index = read_index(held.digest, held.document)
    found: dict[Platform, Digest] = {}
    try:
        if index is None:
            raise ValueError("it does not say the platform of each image")
        for name, digest in index.platforms.items():
            short = "/".join(name.split("/")[:2])
            expected = short in subject.platforms and name not in subject.platforms and short not in index.platforms
            found[Platform(short if expected else name)] = digest
    except ValueError as error:
        raise RegistryError(
            f"{repository.at(held.digest)} is no index of platforms: {error}",
            remedy="Sealift publishes an index for every service; publish it again",
            step="verify",
        ) from error
    return found


async def _single(
    client: Client, repository: Repository, held: Document
) -> tuple[dict[Platform, Digest], Mapping[str, str]]:
    """The platform of one manifest, and its labels, by its configuration."""
    blobs = held.blobs
    config = await client.blob(repository, blobs[0].digest) if blobs else None
    document: Mapping[str, Any] = config.document if config else {}
    try:
        platform = Platform(f"{document['os']}/{document['architecture']}")
    except (KeyError, ValueError) as error:
        raise RegistryError(
            f"{repository.at(held.digest)} is no image, and no index of images",
            remedy="name an image's tag or digest",
            step="verify",
        ) from error
    labels = (document.get("config") or {}).get("Labels") or {}
    return {platform: held.digest}, {str(key): str(value) for key, value in labels.items()}
