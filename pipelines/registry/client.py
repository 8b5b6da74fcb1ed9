"""A registry, asked and changed from the command line itself: no engine is needed."""

from __future__ import annotations

from functools import partial

from pipelines.errors import RegistryError
from pipelines.model import Digest, Repository, Tag
from pipelines.registry.connection import ACCEPT, found
from pipelines.registry.contents import digest_of, document
from pipelines.registry.documents import EMPTY, MANIFEST, OCTETS, Held, manifest_of
from pipelines.registry.reads import Reads
from pipelines.registry.retry import retried_with_its_login


class Client(Reads):
    """One registry. `async with Client(target, login=…) as registry: await registry.tags(target.repository("web"))`.

    Every method raises RegistryError; what is not there is no error, but None, False or empty.
    """

    @retried_with_its_login
    async def delete_manifest(self, repository: Repository, digest: Digest) -> bool:
        """Delete a manifest or index, with all tags that name it; whether it was there."""
        return await self._deleted(repository, digest)

    @retried_with_its_login
    async def delete_tag(self, repository: Repository, tag: Tag) -> bool:
        """Delete a tag, and nothing that it names; whether it was there. Not every registry can."""
        return await self._deleted(repository, tag)

    async def _deleted(self, repository: Repository, reference: str) -> bool:
        wire = self.wire(repository.path)
        answer = await self.do(lambda: found(partial(wire.ask, "delete", f"manifests/{reference}")))
        return answer is not None

    @retried_with_its_login
    async def put(
        self,
        repository: Repository,
        tag: Tag | None,
        content: bytes,
        *,
        artifact_type: str,
        media_type: str = OCTETS,
        subject: Held | None = None,
    ) -> Digest:
        """Put a small artifact of one blob, under a tag, or for None by its digest only; the manifest's digest.

        :param media_type: of the blob.
        """
        wire = self.wire(repository.path)

        def push() -> Digest:
            blobs = {digest_of(data): data for data in (EMPTY, content)}
            for digest, data in blobs.items():
                wire.put_blob(digest, data)
            blob = Held(digest=digest_of(content), media_type=media_type, size=len(content))
            text = manifest_of(blob, artifact_type, subject)
            digest = digest_of(text)
            wire.ask("put", f"manifests/{tag or digest}", data=text, headers={"Content-Type": MANIFEST})
            return digest

        return await self.do(push)

    async def point(self, repository: Repository, tag: Tag, digest: Digest) -> None:
        """Let a tag name a manifest or index that the repository already holds.

        :raises RegistryError: it holds none of that digest, or took something else for it.
        """
        if (now := await self._point(repository, tag, digest)) != digest:
            raise RegistryError(
                f"{repository}:{tag} was to name {digest}, and the registry took it as {now}",
                remedy="the registry changes what it is given: images there can be of no use; look at its settings",
            )

    @retried_with_its_login
    async def _point(self, repository: Repository, tag: Tag, digest: Digest) -> str:
        """What the registry says that it has taken; the digest itself, if it does not say."""
        wire = self.wire(repository.path)
        answer = await self.do(partial(wire.ask, "get", f"manifests/{digest}", headers=ACCEPT))
        given = {"Content-Type": document(answer, self.target.registry, digest).media_type}
        taken = await self.do(partial(wire.ask, "put", f"manifests/{tag}", data=answer.content, headers=given))
        return str(taken.headers.get("Docker-Content-Digest", digest))
