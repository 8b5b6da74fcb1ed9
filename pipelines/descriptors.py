"""Images and files as in-toto's resource descriptors name them: by a package URL, and always by digest. Pure.

https://github.com/in-toto/attestation, "ResourceDescriptor"; https://github.com/package-url/purl-spec, type `oci`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pipelines.images import repository_of


def image(reference: str, digest: str, **annotations: str) -> dict[str, Any]:
    """The descriptor of an image or artifact in a registry.

    :param reference: as it is written somewhere: `python:3.11-slim`, with or without a digest.
    :param digest: `sha256:…`.
    :param annotations: what it is to the build.
    """
    written = reference.partition("@")[0]
    return {
        "name": written,
        "uri": purl(written, digest),
        "digest": as_digest_set(digest),
        "annotations": annotations,
    }


def file(name: str, digest: str, **annotations: str) -> dict[str, Any]:
    """The descriptor of what is in no registry."""
    return {"name": name, "digest": as_digest_set(digest), "annotations": annotations}


def purl(reference: str, digest: str) -> str:
    """The package URL of an image: the last part of its repository, its digest, and where it was found."""
    repository = repository_of(reference)
    tag = reference.rpartition("/")[2].partition(":")[2]
    found = f"?repository_url={quote(repository, safe='/:')}" + (f"&tag={quote(tag)}" if tag else "")
    return f"pkg:oci/{repository.rpartition('/')[2].lower()}@{quote(digest, safe='')}{found}"


def as_digest_set(digest: str) -> dict[str, str]:
    """`sha256:…` as in-toto has it: the algorithm's name, and hexadecimal digits."""
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}
