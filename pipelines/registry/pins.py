"""What names stand for today, asked of their registries: for the lock, and to say what has become of it since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipelines.config import is_loopback
from pipelines.errors import ConfigError, RegistryError
from pipelines.images import parse_image
from pipelines.lock import Lock, Locked, Wanted, lacking_platforms
from pipelines.malicious import malicious, malicious_digest
from pipelines.model import REBUILT_LABEL, Digest, Platform, Repository, Target
from pipelines.newer import newer
from pipelines.registry.client import Client
from pipelines.registry.clients import Clients
from pipelines.registry.concurrent import all_of
from pipelines.registry.documents import Document
from pipelines.registry.remote import read_index


def target_of(name: str) -> Target:
    """The registry that has an image."""
    registry = parse_image(name).repository.registry
    return Target(registry=registry, insecure=is_loopback(registry))


async def locked(clients: Clients, project: str, wanted: Wanted, keep: Callable[[str], Locked | None]) -> Lock:
    """A lock of what is wanted.

    :param keep: entry, as `Lock.entries` calls it → what stays as it is; None for what is asked for.
    :raises RegistryError: a registry cannot be reached, or has no such image.
    :raises ConfigError: what it has is malicious, or not for all platforms that are wanted.
    """
    images = {
        **{name: name for name in wanted.bases},
        **{f"tool {name}": image for name, image in wanted.tools.items()},
    }
    there = {entry: keep(entry) for entry in images}
    asked = {images[entry]: parse_image(images[entry]).repository for entry, kept in there.items() if kept is None}
    first = {target_of(name): repository for name, repository in asked.items()}
    # One that cannot be reached is told early, and once.
    await all_of(partial(clients(target).look, repository) for target, repository in first.items())
    found = dict(zip(asked, await all_of(partial(_ask, clients, name) for name in asked), strict=True))
    entries = {entry: kept or found[images[entry]] for entry, kept in there.items()}
    for name, needed in wanted.bases.items():
        if lacking := lacking_platforms(entries[name], needed.platforms):
            what = f"{name} is not there for {lacking}, and {needed.place} is built for that"
            raise ConfigError(what, remedy="name another image, or fewer platforms", step="lock")
    return Lock(
        project=project,
        bases={name: entries[name] for name in wanted.bases},
        tools={name: entries[f"tool {name}"] for name in wanted.tools},
    )


async def _ask(clients: Clients, name: str) -> Locked:
    """What a name stands for today."""
    image, client = parse_image(name), clients(target_of(name))
    document = await client.manifest(image.repository, image.tag) if image.tag else None
    if document is None:
        raise RegistryError(f"{name} does not exist", remedy="mend the name, or log in to its registry", step="lock")
    platforms = await _platforms(client, image.repository, document)
    if not platforms:
        raise RegistryError(f"{name} is an image for no Linux platform", remedy="name another image", step="lock")
    whys = (malicious(image), *map(malicious_digest, (document.digest, *platforms.values())))
    if why := next((why for why in whys if why), None):
        raise ConfigError(f"{name}: {why}", remedy="name another image", step="lock")
    return Locked(
        name=name,
        index=document.digest,
        platforms=platforms,
        rebuilt=await _rebuilt(client, image.repository, next(iter(platforms.values()))),
    )


async def _platforms(client: Client, repository: Repository, document: Document) -> Mapping[Platform, Digest]:
    """Linux's platforms of an index, or the one that a manifest is for."""
    if index := read_index(document.digest, document.document):
        named = index.platforms
    else:
        config = await _config(client, repository, document)
        named = {
            "/".join(str(config[key]) for key in ("os", "architecture", "variant") if config.get(key)): document.digest
        }
    found: dict[Platform, Digest] = {}
    for name, digest in named.items():
        try:
            found[Platform(name)] = digest
        except ValueError:  # of attestations, and of other systems
            continue
    return found


async def _rebuilt(client: Client, repository: Repository, digest: Digest) -> bool:
    """Whether a platform's image says of itself that some machine rebuilt it."""
    manifest = await client.manifest(repository, digest)
    config = await _config(client, repository, manifest) if manifest else {}
    return REBUILT_LABEL in ((config.get("config") or {}).get("Labels") or {})


async def _config(client: Client, repository: Repository, manifest: Document) -> Mapping[str, Any]:
    held = await client.blob(repository, manifest.blobs[0].digest) if manifest.blobs else None
    return held.document if held else {}


@dataclass(frozen=True, kw_only=True)
class Since:
    """What has become of an entry since it was locked.

    :param now: what its tag names now; None if there is no such tag any more.
    :param newer: tags of later versions of the same variant, the highest first.
    :param failure: why its registry did not say.
    """

    entry: str
    locked: Locked
    now: Digest | None = None
    newer: tuple[str, ...] = ()
    failure: str = ""

    @property
    def moved(self) -> bool:
        """Whether the tag names something else now."""
        return not self.failure and self.now != self.locked.index

    def as_json(self) -> dict[str, Any]:
        """For `lock --outdated --json`."""
        return {
            "entry": self.entry,
            "image": self.locked.name,
            "locked": self.locked.index,
            "now": self.now,
            "moved": self.moved,
            "newer": list(self.newer),
            "failure": self.failure or None,
        }


async def since(clients: Clients, lock: Lock) -> list[Since]:
    """The same of every entry. A registry that does not answer keeps the others from nothing."""

    async def one(entry: str, locked: Locked) -> Since:
        image, client = parse_image(locked.name), clients(target_of(locked.name))
        assert image.tag is not None  # noqa: S101 - the lock's names have tags
        try:
            now = await client.look_up(image.repository, image.tag)
            tags = await client.tags(image.repository)
        except RegistryError as failure:
            return Since(entry=entry, locked=locked, failure=failure.what)
        return Since(entry=entry, locked=locked, now=now, newer=newer(image.tag, tags))

    return await all_of(partial(one, entry, locked) for entry, locked in lock.entries())
