"""Read what a target registry holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import RegistryError
from pipelines.model import Digest, Platform, Tag, Target
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.retry import retried, retried_at_first
from pipelines.stages.regctl import ask
from pipelines.stages.toolbox import Toolbox


@retried_at_first
async def check(toolbox: Toolbox, target: Target, service: str) -> None:
    """Ask the registry for its API before anything is built, so that an unreachable one costs no build.

    :raises RegistryError: it cannot be reached, or it does not answer as a registry.
    """
    args = ["tag", "ls", toolbox.at(target, service), "--limit", "1"]
    # A repository that does not exist yet is made by the first push.
    await _asked(toolbox, target, service, args, step="registry")


@retried
async def current(toolbox: Toolbox, target: Target, service: str, tag: Tag) -> Digest | None:
    """The digest that a tag names; None if there is no such tag.

    :raises RegistryError: the registry's answer is neither.
    """
    answer = await _asked(toolbox, target, service, ["manifest", "head", f"{toolbox.at(target, service)}:{tag}"])
    return None if answer is None else Digest(answer.strip())


@retried
async def holds(toolbox: Toolbox, target: Target, service: str, digest: Digest) -> bool:
    """Whether there is a manifest of that digest.

    :raises RegistryError: the registry's answer is neither.
    """
    return (
        await _asked(toolbox, target, service, ["manifest", "head", f"{toolbox.at(target, service)}@{digest}"])
        is not None
    )


@retried
async def listed(toolbox: Toolbox, target: Target, service: str) -> Sequence[str]:
    """Every tag of the repository, in the registry's order; none if there is no such repository.

    :raises RegistryError: the registry's answer is neither.
    """
    answer = await _asked(toolbox, target, service, ["tag", "ls", toolbox.at(target, service)])
    return (answer or "").split()


@retried
async def annotated(toolbox: Toolbox, target: Target, service: str, digest: Digest) -> Mapping[str, str]:
    """The annotations of a manifest or index; none if there is no such thing.

    :raises RegistryError: the registry does not answer.
    """
    document = await _manifest(toolbox, target, service, digest)
    found = document.get("annotations") or {} if document else {}
    return {str(key): str(value) for key, value in found.items()}


@dataclass(frozen=True, kw_only=True)
class Index:
    """What a tag names, if that is an index of platforms, by their names in full: `linux/arm/v7`."""

    digest: Digest
    annotations: Mapping[str, str]
    platforms: Mapping[str, Digest]


@retried
async def index(toolbox: Toolbox, target: Target, service: str, tag: Tag) -> Index | None:
    """The index that a tag names, in one request; None if there is no such tag, or it names something else.

    :raises RegistryError: the registry's answer is neither.
    """
    shape = '{{.GetDescriptor.Digest}} {{printf "%s" .RawBody}}'
    answer = await _asked(
        toolbox, target, service, ["manifest", "get", "--format", shape, f"{toolbox.at(target, service)}:{tag}"]
    )
    return read_index(answer) if answer is not None else None


def read_index(answer: str) -> Index | None:
    """Digest and document, as regctl prints them; None if the document is no index of platforms."""
    digest, _, text = answer.partition(" ")
    try:
        document = json.loads(text)
        return Index(
            digest=Digest(digest),
            annotations={str(key): str(value) for key, value in (document.get("annotations") or {}).items()},
            platforms={
                "/".join(
                    part for key in ("os", "architecture", "variant") if (part := entry["platform"].get(key))
                ): Digest(entry["digest"])
                for entry in document["manifests"]
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@retried
async def platforms(toolbox: Toolbox, target: Target, service: str, digest: Digest) -> Mapping[Platform, Digest]:
    """Platform → digest of its manifest, of an index.

    :raises RegistryError: the registry has no such index, or does not answer.
    """
    index = await _manifest(toolbox, target, service, digest)
    try:
        return {
            Platform("/".join(filter(None, (entry["platform"]["os"], entry["platform"]["architecture"])))): Digest(
                entry["digest"]
            )
            for entry in (index or {})["manifests"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(
            f"{target.repository(service).at(digest)} is no index of platforms: {error!r}",
            remedy="Sealift publishes an index for every service; publish it again",
            service=service,
            step="verify",
        ) from error


async def _manifest(toolbox: Toolbox, target: Target, service: str, digest: Digest) -> dict[str, Any] | None:
    """The document of that digest; None if the registry has none, or it is no JSON object."""
    args = ["manifest", "get", "--format", "raw-body", f"{toolbox.at(target, service)}@{digest}"]
    answer = await _asked(toolbox, target, service, args)
    try:
        document = json.loads(answer or "")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


async def _asked(toolbox: Toolbox, target: Target, service: str, args: list[str], *, step: str = "tags") -> str | None:
    """What regctl prints; None if the registry has no such thing."""
    try:
        return await ask(toolbox, target, args, service=service, step=step)
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return None
        raise
