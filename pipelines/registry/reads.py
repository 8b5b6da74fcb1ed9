"""What a registry holds, asked from the command line itself: no engine is needed.

Answers are digests, tags and documents in this project's own types; refusals are RegistryErrors by the meanings of
`pipelines.registry.answers`, and what may pass by itself is asked again as `pipelines.registry.retry` has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import requests
from dxf.exceptions import DXFError

from pipelines.errors import RegistryError
from pipelines.model import RECORDS, Digest, Repository, Tag
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.connection import ACCEPT, LIST_SECONDS, Connection, found
from pipelines.registry.contents import checked, document
from pipelines.registry.documents import INDEX, Document, Referrer, fallback_tag, referrers_in
from pipelines.registry.retry import retried_at_first, retried_with_its_login
from pipelines.registry.words import lost


class Reads(Connection):
    """What may be asked of a registry. Nothing here changes it."""

    @retried_with_its_login
    async def ping(self) -> None:
        """Ask for the API itself, with the login."""
        await self.do(self.wire("").ping)

    @retried_at_first
    async def look(self, repository: Repository) -> None:
        """Ask for anything of a repository, there or not: a first look, before work that would be wasted."""
        wire = self.wire(repository.path)
        await self.do(lambda: found(lambda: next(wire.pages("tags/list?n=1", "tags"), None)))

    @retried_with_its_login
    async def tags(self, repository: Repository) -> tuple[str, ...]:
        """All tags; none of a repository that does not exist. Those that hold attachments are among them."""
        wire = self.wire(repository.path)
        names = await self.do(lambda: found(lambda: list(wire.pages("tags/list", "tags"))), seconds=LIST_SECONDS)
        return tuple(map(str, names or ()))

    @retried_at_first
    async def look_up(self, repository: Repository, tag: Tag) -> Digest | None:
        """`resolve`, as a first look."""
        return await self._resolve(repository, tag)

    @retried_with_its_login
    async def resolve(self, repository: Repository, reference: Tag | Digest) -> Digest | None:
        """The digest that a tag names, or that is there; None if there is no such thing."""
        return await self._resolve(repository, reference)

    async def _resolve(self, repository: Repository, reference: Tag | Digest) -> Digest | None:
        wire = self.wire(repository.path)
        answer = await self.do(lambda: found(partial(wire.ask, "head", f"manifests/{reference}", headers=ACCEPT)))
        if answer is None:
            return None
        given = answer.headers.get("Docker-Content-Digest")
        if given:
            return Digest(given)
        held = await self.manifest(repository, reference)
        return held.digest if held else None

    @retried_with_its_login
    async def manifest(self, repository: Repository, reference: Digest | Tag) -> Document | None:
        """A manifest or index; None if there is none. Its content is that of the digest, or it is an error."""
        wire = self.wire(repository.path)
        answer = await self.do(lambda: found(partial(wire.ask, "get", f"manifests/{reference}", headers=ACCEPT)))
        return document(answer, self.target.registry, reference) if answer is not None else None

    @retried_with_its_login
    async def blob(self, repository: Repository, digest: Digest) -> Document | None:
        """A blob that is JSON, such as an image's configuration; None if there is none."""
        wire = self.wire(repository.path)
        answer = await self.do(lambda: found(partial(wire.ask, "get", f"blobs/{digest}")))
        return document(answer, self.target.registry, digest) if answer is not None else None

    @retried_with_its_login
    async def content(self, repository: Repository, digest: Digest) -> bytes | None:
        """A small blob's bytes; None if there is none."""
        wire = self.wire(repository.path)
        answer = await self.do(lambda: found(partial(wire.ask, "get", f"blobs/{digest}")))
        return checked(answer.content, self.target.registry, digest) if answer is not None else None

    async def referrers(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...]:
        """What is attached to a digest: by the referrers API, else by the tag `sha256-…` of registries without it."""
        return await self.attached(repository, digest) or await self._by_tag(repository, digest)

    async def _by_tag(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...]:
        held = await self.manifest(repository, fallback_tag(digest))
        return referrers_in(held.document.get("manifests") or ()) if held and held.media_type == INDEX else ()

    @retried_with_its_login
    async def attached(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...] | None:
        """What the referrers API lists; None where there is no such API, or nothing known of the digest."""
        wire = self.wire(repository.path)

        def ask() -> list[Any] | None:
            try:
                return list(wire.pages(f"referrers/{digest}", "manifests"))
            except RegistryError as failure:
                if meaning(failure.what) in _NO_REFERRERS:
                    return None
                raise

        entries = await self.do(ask, seconds=LIST_SECONDS)
        return None if entries is None else referrers_in(entries)

    @retried_with_its_login
    async def download(self, repository: Repository, digest: Digest) -> int:
        """Read a blob to its end, and keep nothing of it; its bytes. What comes is checked against the digest."""
        wire = self.wire(repository.path)

        def read() -> int:
            size = 0
            try:
                for chunk in wire.pull_blob(digest, chunk_size=1 << 20):
                    size += len(chunk)  # type: ignore[arg-type]  # no size was asked for
                return size
            except DXFError as error:
                what = f"{self.target.registry}: {repository.at(digest)}: {error}"
                raise RegistryError(what, remedy="look at the registry's log: its storage may be damaged") from error
            except (requests.RequestException, OSError) as error:
                what = f"{self.target.registry}: {lost(error)}"
                raise RegistryError(what, remedy=meaning(what).value) from error

        return await self.do(read, seconds=math.inf)

    async def repositories(self, services: Sequence[str]) -> tuple[tuple[Repository, ...], bool]:
        """The repositories below the target's prefix, and whether the registry named them.

        Where it has no catalog, or shows it to nobody: those of the services and of the records, there or not.
        """
        if self.kind.catalog:
            names = await self._catalog()
            if names is not None:
                paths = [name for name in names if name.startswith(self.target.prefix)]
                return tuple(Repository(registry=self.target.registry, path=path) for path in paths), True
        return tuple(self.target.repository(name) for name in (*services, RECORDS)), False

    @retried_with_its_login
    async def _catalog(self) -> list[str] | None:
        wire = self.wire("")

        def ask() -> list[str] | None:
            try:
                return [str(name) for name in wire.pages("_catalog", "repositories", of_registry=True)]
            except RegistryError as failure:
                if meaning(failure.what) in (*_NO_REFERRERS, Meaning.UNAUTHORIZED, Meaning.FORBIDDEN):
                    return None
                raise

        return await self.do(ask, seconds=LIST_SECONDS)


_NO_REFERRERS = (Meaning.NOT_FOUND, Meaning.INVALID, Meaning.READ_ONLY, Meaning.NO_REGISTRY)
