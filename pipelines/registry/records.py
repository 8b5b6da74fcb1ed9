"""Release records as OCI artifacts, beside the images that they are about."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from pipelines.errors import RegistryError
from pipelines.model import RECORDS, Tag
from pipelines.registry import remote
from pipelines.registry.client import Client

ARTIFACT_TYPE = "application/vnd.sealift.release.v2+json"
_MEDIA_TYPE = "application/json"
_RUN = re.compile(r"\d{8}T\d{6}Z-.+")


async def put(client: Client, text: str, tags: Sequence[Tag]) -> None:
    """Keep a record under each of these tags.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    repository = client.target.repository(RECORDS)
    for tag in tags:
        try:
            await client.put(repository, tag, text.encode(), artifact_type=ARTIFACT_TYPE, media_type=_MEDIA_TYPE)
        except RegistryError as failure:
            failure.step = failure.step or "record"
            raise


async def get(client: Client, tag: Tag) -> str | None:
    """The record that is kept under a tag; None if there is none.

    :raises RegistryError: the registry's answer is neither; what is there is something else, or not whole.
    """
    repository = client.target.repository(RECORDS)
    try:
        held = await client.manifest(repository, tag)
        if held is None:
            return None
        if held.document.get("artifactType") != ARTIFACT_TYPE:
            raise RegistryError(
                f"{repository}:{tag} is no release record that this Sealift reads:"
                f" its type is {held.document.get('artifactType')!r}, not {ARTIFACT_TYPE!r}",
                remedy="use the Sealift that wrote it, or see who else puts things into that repository",
            )
        content = await client.content(repository, held.blobs[-1].digest) if held.blobs else None
        if content is None:
            raise RegistryError(
                f"{repository}:{tag} has lost its record: the registry has its manifest, and not its content",
                remedy="the registry's storage is damaged; 'dist/release.json' of the run has the same record",
            )
        return content.decode()
    except RegistryError as failure:
        failure.step = failure.step or "record"
        raise


async def latest(client: Client, most: int) -> AsyncIterator[tuple[str, str]]:
    """Id and record of the last runs, the latest first; none if the registry has none.

    :param most: of them.
    :raises RegistryError: as `get`.
    """
    tags = await remote.listed(client, RECORDS)
    for name in sorted((tag for tag in tags if _RUN.fullmatch(tag)), reverse=True)[:most]:
        if text := await get(client, Tag(name)):
            yield name, text
