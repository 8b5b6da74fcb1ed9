"""Which release an image is of, by the records that its registry keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from pipelines.errors import ConfigError
from pipelines.model import RECORDS, Digest, Repository, Tag
from pipelines.record import Record, read
from pipelines.registry import records
from pipelines.registry.client import Client
from pipelines.registry.concurrent import all_of

_RUN = re.compile(r"\d{8}T\d{6}Z-.+")
_RECORDS_READ = 50


async def releases(client: Client) -> dict[Digest, str]:
    """Index → id of the release that published it first, by the newest records at the registry."""
    repository = client.target.repository(RECORDS)
    runs = sorted((tag for tag in await client.tags(repository) if _RUN.fullmatch(tag)), reverse=True)
    found: dict[Digest, str] = {}
    for one in await all_of(partial(_indexes, client, repository, Tag(run)) for run in runs[:_RECORDS_READ]):
        found |= one
    return found


async def _indexes(client: Client, repository: Repository, run: Tag) -> dict[Digest, str]:
    """Index → the run; nothing if its record is of another format."""
    manifest = await client.manifest(repository, run)
    text = await client.content(repository, manifest.blobs[-1].digest) if manifest and manifest.blobs else None
    try:
        record = read(text or b"", f"the record {run}")
    except ConfigError:
        return {}
    return {sealed.index: record.id for sealed in record.lot.values()} if record.state == "published" else {}


async def since(client: Client, run: str) -> list[Record]:
    """The releases that were begun after this one and that published something, the newest first; of the newest runs.

    :raises RegistryError: the registry's answer is neither a record nor that there is none.
    """
    tags = await client.tags(client.target.repository(RECORDS))
    runs = sorted((tag for tag in tags if _RUN.fullmatch(tag) and tag > run), reverse=True)[:_RECORDS_READ]
    found: list[Record] = []
    for tag in runs:
        text = await records.get(client, Tag(tag))
        with suppress(ConfigError):
            record = read(text or b"", f"the record {tag}")
            if record.state == "published":
                found.append(record)
    return found


async def latest(client: Client, environment: str, services: Iterable[str], *, but: str) -> dict[str, Record]:
    """Service → the newest published release to an environment that has an image of it.

    Read until there is one for each of these; a service that was not looked for may be among them.

    :param but: id of the run that is none of them.
    :raises RegistryError: the registry's answer is neither a record nor that there is none.
    """
    tags = await client.tags(client.target.repository(RECORDS))
    runs = sorted((tag for tag in tags if _RUN.fullmatch(tag) and tag != but), reverse=True)[:_RECORDS_READ]
    wanted, found = set(services), dict[str, Record]()
    for tag in runs:
        text = await records.get(client, Tag(tag))
        with suppress(ConfigError):
            record = read(text or b"", f"the record {tag}")
            if record.state == "published" and record.plan.environment == environment:
                found = dict.fromkeys(record.lot, record) | found
        if found and wanted <= found.keys():
            break
    return found
