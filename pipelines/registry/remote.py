"""What a release asks of a target registry, and the one change that it makes by itself: tags come to name digests.

All of it is asked from where the command runs, as `pipelines.registry.client` has it: a request takes milliseconds, and
a container in the engine for each takes a hundred times as long. What moves images is the engine's:
`pipelines.stages.publish`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipelines.errors import RegistryError
from pipelines.model import Digest, Platform, Tag
from pipelines.registry.client import Client


async def check(client: Client, service: str) -> None:
    """Ask the registry for anything before anything is built, so that an unreachable one costs no build.

    :raises RegistryError: it cannot be reached, or it does not answer as a registry.
    """
    with _of(service, "registry"):
        # A repository that does not exist yet is made by the first push.
        await client.look(client.target.repository(service))


async def current(client: Client, service: str, tag: Tag) -> Digest | None:
    """The digest that a tag names; None if there is no such tag.

    :raises RegistryError: the registry's answer is neither.
    """
    with _of(service):
        return await client.resolve(client.target.repository(service), tag)


async def holds(client: Client, service: str, digest: Digest) -> bool:
    """Whether there is a manifest of that digest.

    :raises RegistryError: the registry's answer is neither.
    """
    with _of(service):
        return await client.resolve(client.target.repository(service), digest) is not None


async def listed(client: Client, service: str) -> Sequence[str]:
    """Every tag of the repository, in the registry's order; none if there is no such repository.

    :raises RegistryError: the registry's answer is neither.
    """
    with _of(service):
        return await client.tags(client.target.repository(service))


async def annotated(client: Client, service: str, digest: Digest) -> Mapping[str, str]:
    """The annotations of a manifest or index; none if there is no such thing.

    :raises RegistryError: the registry does not answer.
    """
    with _of(service):
        held = await client.manifest(client.target.repository(service), digest)
    return _annotations(held.document) if held else {}


@dataclass(frozen=True, kw_only=True)
class Index:
    """What a tag names, if that is an index of platforms, by their names in full: `linux/arm/v7`."""

    digest: Digest
    annotations: Mapping[str, str]
    platforms: Mapping[str, Digest]


async def index(client: Client, service: str, tag: Tag) -> Index | None:
    """The index that a tag names, in one request; None if there is no such tag, or it names something else.

    :raises RegistryError: the registry's answer is neither.
    """
    with _of(service):
        held = await client.manifest(client.target.repository(service), tag)
    return read_index(held.digest, held.document) if held else None


def read_index(digest: Digest, document: Mapping[str, Any]) -> Index | None:
    """The index that a document is; None if it is no index of platforms."""
    try:
        return Index(
            digest=digest,
            annotations=_annotations(document),
            platforms={
                "/".join(
                    part for key in ("os", "architecture", "variant") if (part := entry["platform"].get(key))
                ): Digest(entry["digest"])
                for entry in document["manifests"]
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _annotations(document: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in (document.get("annotations") or {}).items()}


async def platforms(client: Client, service: str, digest: Digest) -> Mapping[Platform, Digest]:
    """Platform → digest of its manifest, of an index.

    :raises RegistryError: the registry has no such index, or does not answer.
    """
    with _of(service, "verify"):
        held = await client.manifest(client.target.repository(service), digest)
        found = read_index(digest, held.document) if held else None
        if found is None:
            raise RegistryError(
                f"{client.target.repository(service).at(digest)} is no index of platforms",
                remedy="Sealift publishes an index for every service; publish it again",
            )
        return {Platform("/".join(name.split("/")[:2])): held for name, held in found.platforms.items()}


async def move(client: Client, service: str, tag: Tag, digest: Digest) -> None:
    """Let a tag name a digest that the target already holds.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    with _of(service, f"tag {tag}"):
        await client.point(client.target.repository(service), tag, digest)


@contextmanager
def _of(service: str, step: str = "tags") -> Iterator[None]:
    """Say of a failure which service it is about, and in which step."""
    try:
        yield
    except RegistryError as failure:
        failure.service, failure.step = failure.service or service, failure.step or step
        raise
