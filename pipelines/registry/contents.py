"""What a registry serves, held against what was asked for."""

from __future__ import annotations

import hashlib
from typing import Any

import requests

from pipelines.errors import RegistryError
from pipelines.model import Digest, Tag
from pipelines.registry.answers import meaning
from pipelines.registry.documents import Document
from pipelines.registry.words import json_of


def digest_of(data: bytes) -> Digest:
    """The digest of these bytes."""
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


def checked(data: bytes, registry: str, reference: str) -> bytes:
    """The same bytes.

    :raises RegistryError: they are not those of the digest.
    """
    if isinstance(reference, Digest) and digest_of(data) != reference:
        raise RegistryError(
            f"{registry}: what it serves as {reference} is something else, {digest_of(data)}",
            remedy="the registry's storage is damaged, or something between you and it changes what it serves",
        )
    return data


def document(answer: requests.Response, registry: str, reference: Digest | Tag) -> Document:
    """The manifest, index or configuration in an answer.

    :raises RegistryError: it is none, or another than was asked for.
    """
    data = checked(answer.content, registry, reference)
    try:
        document: dict[str, Any] = json_of(answer)
    except ValueError as error:
        what = f"{registry}: {reference}: {error}"
        raise RegistryError(what, remedy=meaning(what).value) from error
    served = answer.headers.get("Content-Type", "").partition(";")[0]
    return Document(
        digest=digest_of(data), media_type=str(document.get("mediaType") or served), size=len(data), document=document
    )
