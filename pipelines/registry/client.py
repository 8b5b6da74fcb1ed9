"""What a registry holds, asked from the command line itself: no engine is needed.

Answers are digests, tags and documents in this project's own types; refusals are RegistryErrors by the meanings of
`pipelines.registry.answers`, and what may pass by itself is asked again as `pipelines.registry.retry` has it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import anyio
import requests
from dxf.exceptions import DXFError

from pipelines.config import is_loopback
from pipelines.errors import RegistryError
from pipelines.model import RECORDS, Digest, Repository, Tag, Target
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.auth import Login
from pipelines.registry.concurrent import in_thread
from pipelines.registry.contents import checked, digest_of, document
from pipelines.registry.documents import (
    EMPTY,
    INDEX,
    MANIFEST,
    MANIFESTS,
    Document,
    Held,
    Referrer,
    fallback_tag,
    manifest_of,
    referrers_in,
)  # fmt: skip
from pipelines.registry.kinds import kind_of
from pipelines.registry.retry import retried_with_its_login
from pipelines.registry.wire import Wire, authorities, new_session
from pipelines.registry.words import lost

T = TypeVar("T")
_AT_ONCE = 8
"""Requests to one registry."""


class Client:
    """One registry. `async with Client(target, login=…) as registry: await registry.tags(target.repository("web"))`.

    Every method raises RegistryError; what is not there is no error, but None, False or empty.

    :param login: None for what everybody may do.
    :param verify: file of certificate authorities, or True for those of requests; else as the variables and the system
        have it.
    """

    def __init__(
        self,
        target: Target,
        *,
        login: Login | None = None,
        environ: Mapping[str, str] | None = None,
        verify: str | bool | None = None,
    ) -> None:
        self.target = target
        self.kind = kind_of(target.registry)
        self._login = login
        self._verify = authorities(os.environ if environ is None else environ) if verify is None else verify
        self._session = new_session(direct=is_loopback(target.registry))
        self._wires: dict[str, Wire] = {}
        self._limit = anyio.CapacityLimiter(_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._session.close()

    @property
    def asked_for_login(self) -> bool:
        """Whether the registry has asked who we are, so far."""
        return any(wire.objection for wire in self._wires.values())

    def _wire(self, path: str) -> Wire:
        if path not in self._wires:
            self._wires[path] = Wire(
                self.kind.host,
                path,
                name=self.target.registry,
                login=self._login,
                insecure=self.target.insecure,
                session=self._session,
                verify=self._verify,
            )
        return self._wires[path]

    async def _do(self, work: Callable[[], T]) -> T:
        return await in_thread(work, self._limit)

    @retried_with_its_login
    async def ping(self) -> None:
        """Ask for the API itself, with the login."""
        await self._do(self._wire("").ping)

    @retried_with_its_login
    async def tags(self, repository: Repository) -> tuple[str, ...]:
        """All tags; none of a repository that does not exist. Those that hold attachments are among them."""
        wire = self._wire(repository.path)
        found = await self._do(lambda: _found(lambda: list(wire.pages("tags/list", "tags"))))
        return tuple(map(str, found or ()))

    @retried_with_its_login
    async def resolve(self, repository: Repository, tag: Tag) -> Digest | None:
        """The digest that a tag names; None if there is no such tag."""
        wire = self._wire(repository.path)
        answer = await self._do(lambda: _found(partial(wire.ask, "head", f"manifests/{tag}", headers=_ACCEPT)))
        if answer is None:
            return None
        given = answer.headers.get("Docker-Content-Digest")
        if given:
            return Digest(given)
        held = await self.manifest(repository, tag)
        return held.digest if held else None

    @retried_with_its_login
    async def manifest(self, repository: Repository, reference: Digest | Tag) -> Document | None:
        """A manifest or index; None if there is none. Its content is that of the digest, or it is an error."""
        wire = self._wire(repository.path)
        answer = await self._do(lambda: _found(partial(wire.ask, "get", f"manifests/{reference}", headers=_ACCEPT)))
        return document(answer, self.target.registry, reference) if answer is not None else None

    @retried_with_its_login
    async def blob(self, repository: Repository, digest: Digest) -> Document | None:
        """A blob that is JSON, such as an image's configuration; None if there is none."""
        wire = self._wire(repository.path)
        answer = await self._do(lambda: _found(partial(wire.ask, "get", f"blobs/{digest}")))
        return document(answer, self.target.registry, digest) if answer is not None else None

    @retried_with_its_login
    async def content(self, repository: Repository, digest: Digest) -> bytes | None:
        """A small blob's bytes; None if there is none."""
        wire = self._wire(repository.path)
        answer = await self._do(lambda: _found(partial(wire.ask, "get", f"blobs/{digest}")))
        return checked(answer.content, self.target.registry, digest) if answer is not None else None

    async def referrers(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...]:
        """What is attached to a digest: by the referrers API, else by the tag `sha256-…` of registries without it."""
        return await self._by_api(repository, digest) or await self._by_tag(repository, digest)

    @retried_with_its_login
    async def _by_api(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...]:
        wire = self._wire(repository.path)

        def ask() -> list[Any]:
            try:
                return list(wire.pages(f"referrers/{digest}", "manifests"))
            except RegistryError as failure:
                # Registries without this part of the protocol take it for a mistake, or for a page.
                if meaning(failure.what) in _NO_REFERRERS:
                    return []
                raise

        return referrers_in(await self._do(ask))

    async def _by_tag(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...]:
        held = await self.manifest(repository, fallback_tag(digest))
        return referrers_in(held.document.get("manifests") or ()) if held and held.media_type == INDEX else ()

    @retried_with_its_login
    async def attached(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...] | None:
        """What the referrers API lists; None where there is no such API, or nothing known of the digest."""
        wire = self._wire(repository.path)

        def ask() -> list[Any] | None:
            try:
                return list(wire.pages(f"referrers/{digest}", "manifests"))
            except RegistryError as failure:
                if meaning(failure.what) in _NO_REFERRERS:
                    return None
                raise

        entries = await self._do(ask)
        return None if entries is None else referrers_in(entries)

    @retried_with_its_login
    async def download(self, repository: Repository, digest: Digest) -> int:
        """Read a blob to its end, and keep nothing of it; its bytes. What comes is checked against the digest."""
        wire = self._wire(repository.path)

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

        return await self._do(read)

    @retried_with_its_login
    async def delete_manifest(self, repository: Repository, digest: Digest) -> bool:
        """Delete a manifest or index, with all tags that name it; whether it was there."""
        return await self._deleted(repository, digest)

    @retried_with_its_login
    async def delete_tag(self, repository: Repository, tag: Tag) -> bool:
        """Delete a tag, and nothing that it names; whether it was there. Not every registry can."""
        return await self._deleted(repository, tag)

    async def _deleted(self, repository: Repository, reference: str) -> bool:
        wire = self._wire(repository.path)
        answer = await self._do(lambda: _found(partial(wire.ask, "delete", f"manifests/{reference}")))
        return answer is not None

    @retried_with_its_login
    async def put(
        self,
        repository: Repository,
        tag: Tag | None,
        content: bytes,
        *,
        artifact_type: str,
        subject: Held | None = None,
    ) -> Digest:
        """Put a small artifact of one blob, under a tag, or for None by its digest only; the manifest's digest."""
        wire = self._wire(repository.path)

        def push() -> Digest:
            blobs = {digest_of(data): data for data in (EMPTY, content)}
            for digest, data in blobs.items():
                wire.put_blob(digest, data)
            text = manifest_of(digest_of(content), len(content), artifact_type, subject)
            digest = digest_of(text)
            wire.ask("put", f"manifests/{tag or digest}", data=text, headers={"Content-Type": MANIFEST})
            return digest

        return await self._do(push)

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
        wire = self._wire("")

        def ask() -> list[str] | None:
            try:
                return [str(name) for name in wire.pages("_catalog", "repositories", of_registry=True)]
            except RegistryError as failure:
                if meaning(failure.what) in (*_NO_REFERRERS, Meaning.UNAUTHORIZED, Meaning.FORBIDDEN):
                    return None
                raise

        return await self._do(ask)


_ACCEPT = {"Accept": ", ".join(MANIFESTS)}
_NO_REFERRERS = (Meaning.NOT_FOUND, Meaning.INVALID, Meaning.READ_ONLY, Meaning.NO_REGISTRY)


def _found(ask: Callable[[], T]) -> T | None:
    """What is asked for; None if the registry has no such thing."""
    try:
        return ask()
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return None
        raise
