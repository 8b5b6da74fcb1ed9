"""Read all of one repository: what tags name, and what else is spoken of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from pipelines.errors import RegistryError
from pipelines.holdings import Contents, Manifest, created, dated, subject_of
from pipelines.model import Digest, Repository, Tag
from pipelines.registry.client import Client
from pipelines.registry.concurrent import each
from pipelines.registry.documents import Document


class Reader:
    """Reads one repository."""

    def __init__(self, client: Client, repository: Repository, disk: Mapping[str, Mapping[Digest, datetime]]) -> None:
        self.client = client
        self.repository = repository
        self.pushed = disk.get(repository.path, {})
        self.documents: dict[Digest, Document] = {}
        self.referrers: dict[Digest, frozenset[Digest]] = {}
        self.api: bool | None = None

    async def contents(
        self, name: str, seen: Mapping[Digest, datetime], spoken_of: Collection[Digest] = ()
    ) -> Contents:
        """All of it: what tags name, and what records, attachments or the registry's own files speak of.

        :param seen: what records tell of when something was there; the registry's own files know better.
        :param spoken_of: what else may be there.
        """
        tags = await self._tags()
        subjects = (subject for tag in tags if (subject := subject_of(tag)))
        await self._follow({*subjects, *seen, *spoken_of, *self.pushed, *self.documents})
        made = {digest: await self._made(digest, digest in tags.values()) for digest in self.documents}
        manifests = {digest: self._manifest(item, made[digest]) for digest, item in self.documents.items()}
        return Contents(
            name=name, tags=tags, manifests=manifests, referrers=self.referrers, seen={**seen, **self.pushed}
        )

    async def _tags(self) -> Mapping[str, Digest]:
        """What every tag names.

        :raises RegistryError: a tag is listed that names nothing.
        """
        found: dict[str, Digest] = {}

        async def one(tag: str) -> None:
            held = await self.client.manifest(self.repository, Tag(tag))
            if held is not None:
                found[tag] = held.digest
                self.documents[held.digest] = held

        listed = await self.client.tags(self.repository)
        await each(listed, one)
        if lost := sorted(set(listed) - found.keys()):
            lost = sorted(set(lost) & set(await self.client.tags(self.repository)))
        if lost:
            raise RegistryError(
                f"{self.repository} lists {', '.join(lost)}, and has nothing there: what it names cannot be told",
                remedy="if it was pushed just now, wait a minute and run the command again; if not, delete the tag",
                step="retention",
            )
        return found

    async def _follow(self, waiting: set[Digest]) -> None:
        """Read these, and what they list, and what is about any of it, as far as there is more."""
        asked: set[Digest] = set()
        while waiting:
            await each(sorted(waiting - self.documents.keys()), self._read)
            await each(sorted(waiting & self.documents.keys()), self._refer)
            await each(sorted(waiting - self.documents.keys()), self._refer)
            asked |= waiting
            children = {child for one in waiting & self.documents.keys() for child in self._children(one)}
            about = {other for one in waiting for other in self.referrers.get(one, ())}
            waiting = (children | about) - asked

    def _children(self, digest: Digest) -> tuple[Digest, ...]:
        try:
            return tuple(child.digest for child in self.documents[digest].children)
        except (LookupError, ValueError, TypeError) as error:
            raise self._foreign(digest, error) from error

    def _foreign(self, digest: Digest, error: Exception) -> RegistryError:
        return RegistryError(
            f"{self.repository.at(digest)} is no manifest as the image specification has it: {error!r}",
            remedy="what it needs cannot be told: look what pushed it, and delete it by hand if it is of no use",
            step="retention",
        )

    async def _read(self, digest: Digest) -> None:
        held = await self.client.manifest(self.repository, digest)
        if held is not None:
            self.documents[digest] = held

    async def _refer(self, digest: Digest) -> None:
        there = digest in self.documents
        # Some answer for what is not there as those without the API do: that tells nothing.
        if self.api is False or (self.api is None and not there):
            return
        about = await self.client.attached(self.repository, digest)
        if there and self.api is None:
            self.api = about is not None
        if about:
            self.referrers[digest] = frozenset(item.digest for item in about)

    async def _made(self, digest: Digest, named: bool) -> datetime | None:
        """When an image says that it was made: an index, or else the configuration of one of its images."""
        item = self.documents[digest]
        when = created(_annotations(item))
        if when or not named:
            return when
        below = [self.documents[child] for child in self._children(digest) if child in self.documents] or [item]
        dates = [when for one in below if (when := created(_annotations(one)) or await self._configured(one))]
        return max(dates, default=None)

    def _manifest(self, item: Document, made: datetime | None) -> Manifest:
        try:
            subject = (item.document.get("subject") or {}).get("digest")
            return Manifest(
                digest=item.digest,
                size=item.size,
                blobs={blob.digest: blob.size for blob in item.blobs},
                children=self._children(item.digest),
                subject=Digest(subject) if subject else None,
                kind=kind_of(item),
                annotations=_annotations(item),
                created=made,
            )
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise self._foreign(item.digest, error) from error

    async def _configured(self, item: Document) -> datetime | None:
        config = item.document.get("config") or {}
        if not str(config.get("mediaType")).endswith(("image.config.v1+json", "container.image.v1+json")):
            return None
        held = await self.client.blob(self.repository, Digest(config["digest"]))
        return dated(held.document.get("created")) if held else None


def _annotations(item: Document) -> Mapping[str, str]:
    return {str(key): str(value) for key, value in (item.document.get("annotations") or {}).items()}


def kind_of(item: Document) -> str:
    config = item.document.get("config") or {}
    return str(item.document.get("artifactType") or config.get("mediaType") or "")
