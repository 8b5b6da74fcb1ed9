"""What a user names an image by, where it is only looked at: `aidb:v1.2.3`, `ghcr.io/example/aidb@sha256:…`."""

from __future__ import annotations

from ci.registry_ground import Registries
from pipelines.config import is_loopback, service_platforms
from pipelines.errors import ConfigError, shown
from pipelines.expected import Subject
from pipelines.model import Digest, Platform, Repository, Tag, Target
from pipelines.record import Record
from pipelines.registry.reference import parse_reference

_GIVE = "give SERVICE:TAG, SERVICE@sha256:…, or an image with its registry, as in ghcr.io/example/aidb:v1.2.3"


def platforms_of(found: Registries, service: str) -> tuple[Platform, ...]:
    """The platforms that a service has to have."""
    own = service_platforms(found.config, service)
    return tuple(platform for platform in own if platform in found.settings.platforms)


def parse_image(found: Registries, text: str, record: Record | None) -> Subject:
    """An image by its service's name, or by that of its repository.

    :param record: what it is verified against, if there is one.
    :raises ConfigError: it says no service and no registry, or neither a tag nor a digest.
    """
    try:
        if "/" not in text:
            named = parse_reference(text, found.services)
            if named.tag is None and named.digest is None:
                raise ValueError(f"{shown(text)} says no tag and no digest")
            return _own(found, found.targets[0], named.service, named.tag, named.digest, record)
        name, at, digest = text.partition("@")
        tag = None
        if ":" in name.rpartition("/")[2]:
            name, _, tag = name.rpartition(":")
        if not at and tag is None:
            raise ValueError(f"{shown(text)} says no tag and no digest")
        return _anywhere(found, name, Tag(tag) if tag else None, Digest(digest) if at else None, record)
    except ValueError as error:
        raise ConfigError(str(error), remedy=_GIVE, step="config") from error


def _anywhere(found: Registries, name: str, tag: Tag | None, digest: Digest | None, record: Record | None) -> Subject:
    for target in found.targets:
        for service in found.services:
            if str(target.repository(service)) == name:
                return _own(found, target, service, None if digest else tag, digest, record)
    registry, _, path = name.partition("/")
    if not (path and _is_host(registry)):
        raise ValueError(f"{shown(name)} does not say its registry")
    repository = Repository(registry=registry, path=path)
    prefix, _, last = path.rpartition("/")
    target = Target(registry=registry, prefix=f"{prefix}/" if prefix else "", insecure=is_loopback(registry))
    named = repository.at(digest) if digest else repository.tagged(tag) if tag else name
    return Subject(service=last, target=target, shown=named, tag=None if digest else tag, digest=digest, foreign=True)


def _is_host(text: str) -> bool:
    """What container tools take for a registry, and not for the first part of a path."""
    return "." in text or ":" in text or text == "localhost"


def _own(
    found: Registries, target: Target, service: str, tag: Tag | None, digest: Digest | None, record: Record | None
) -> Subject:
    repository = target.repository(service)
    return Subject(
        service=service,
        target=target,
        shown=repository.at(digest) if digest else repository.tagged(tag) if tag else str(repository),
        tag=tag,
        digest=digest,
        platforms=platforms_of(found, service),
        record=record,
        rehearsal=found.settings.rehearsal,
    )
