"""Everything that a registry holds of an environment, read before anything is decided; or nothing of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipelines.errors import RegistryError
from pipelines.holdings import Contents
from pipelines.model import RECORDS, Digest, Target
from pipelines.record import Record, read
from pipelines.registry.client import Client
from pipelines.registry.concurrent import each
from pipelines.registry.documents import Document
from pipelines.registry.reader import Reader, kind_of
from pipelines.rules import Told

RECORD_TYPE = "application/vnd.sealift.release."
"""Beginning of the artifact type of release records."""

Seen = dict[Digest, datetime]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a registry holds.

    :param holdings: the services' repositories, then that of the records.
    :param records: manifest of the artifact → the record in it.
    """

    target: Target
    holdings: tuple[Contents, ...]
    records: Mapping[Digest, Record] = field(default_factory=dict)

    @property
    def told(self) -> tuple[Told, ...]:
        """What the records say, as far as it matters to what stays."""
        return tuple(_told(digest, record) for digest, record in self.records.items())


def _told(manifest: Digest, record: Record) -> Told:
    prefix = record.plan.tag_prefix
    versions = {
        item.name: prefix + version
        for item in record.plan.services
        if (version := item.version or record.plan.version) and item.name in record.lot
    }
    return Told(
        manifest=manifest,
        id=record.id,
        environment=record.plan.environment,
        state=record.state,
        started=record.started,
        lot={name: frozenset({sealed.index, *sealed.platforms.values()}) for name, sealed in record.lot.items()},
        versions=versions,
    )


async def survey(
    client: Client,
    services: Sequence[str],
    disk: Mapping[str, Mapping[Digest, datetime]],
    spoken_of: Collection[Digest] = (),
) -> Survey:
    """Read the services' repositories and the records.

    :param disk: repository's path → when each manifest was pushed, where the registry's own files can be read.
    :param spoken_of: what may be in any of them: a registry does not list what has no tag.
    :raises RegistryError: something cannot be read.
    :raises ConfigError: a release record is none that this version can read.
    """
    target = client.target
    kept = Reader(client, target.repository(RECORDS), disk)
    papers = await kept.contents(RECORDS, {})
    records = await _records(client, kept)
    dates = {digest: record.finished or record.started for digest, record in records.items()}
    papers = replace(papers, seen={**dates, **papers.seen})
    seen = _seen(records.values(), services)

    async def one(name: str) -> Contents:
        reader = Reader(client, target.repository(name), disk)
        return await reader.contents(name, seen[name], spoken_of)

    services_first = await each(services, one)
    return Survey(target=target, holdings=(*services_first, papers), records=records)


def _seen(records: Iterable[Record], services: Sequence[str]) -> Mapping[str, Seen]:
    """Service → digest → the latest time at which a release had it there, or found it there."""
    found: dict[str, Seen] = {name: {} for name in services}
    for record in records:
        for name, release in record.found.items():
            if name not in found:
                continue
            sealed = record.lot[name]
            ended = record.finished or record.started
            there = [(digest, ended) for digest in (sealed.index, *sealed.platforms.values())]
            before = (move.before for place in release.places for move in place.tags)
            there += [(digest, record.started) for digest in before if digest]
            for digest, when in there:
                found[name][digest] = max(when, found[name].get(digest, when))
    return found


async def _records(client: Client, reader: Reader) -> Mapping[Digest, Record]:
    """The release records among the artifacts that were read."""
    papers = [item for item in reader.documents.values() if kind_of(item).startswith(RECORD_TYPE)]

    async def one(paper: Document) -> tuple[Digest, Record]:
        where = f"the record {paper.digest.short} at {client.target}"
        layers = paper.document.get("layers") or [{}]
        text = await client.content(reader.repository, Digest(str(layers[0].get("digest"))))
        if text is None:
            raise RegistryError(
                f"{where} has lost its content",
                remedy=f"delete that artifact in {reader.repository}, if no other registry has it",
            )
        return paper.digest, read(text, where)

    return dict(await each(papers, one))
