"""What a registry holds, as plain data, and what hangs together in it. Pure: `registry.survey` asks the registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from pipelines.model import OCI, Digest

# What is about a digest is kept under a tag of its own where a registry has no list of referrers (distribution
# specification 1.1, "Referrers Tag Schema"); older Cosigns put `.sig`, `.att` or `.sbom` behind it.
_ATTACHED = re.compile(r"sha256-([0-9a-f]{64})(?:\.[a-z0-9]+)?")
# Builders that want the same bytes each time give images a date of their own: 1970 (Bazel, Jib, ko), 1980 (buildpacks).
_NO_DATE = datetime(1980, 1, 2, tzinfo=UTC)


def subject_of(tag: str) -> Digest | None:
    """The digest that a tag such as `sha256-…` keeps attachments of; None for any other tag."""
    found = _ATTACHED.fullmatch(tag)
    return Digest(f"sha256:{found[1]}") if found else None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest or index.

    :param size: its own bytes.
    :param blobs: configuration and layers, digest → bytes.
    :param children: the manifests that an index lists.
    :param subject: what it is about.
    :param kind: artifact type, or that of the configuration.
    :param created: when it says that it was made.
    """

    digest: Digest
    size: int
    blobs: Mapping[Digest, int] = field(default_factory=dict)
    children: tuple[Digest, ...] = ()
    subject: Digest | None = None
    kind: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None


def dated(text: object) -> datetime | None:
    """A date as images have it (RFC 3339); None for one that only stands for "no date"."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if found > _NO_DATE else None


def created(annotations: Mapping[str, str]) -> datetime | None:
    """When a manifest says that it was made."""
    return dated(annotations.get(f"{OCI}created"))


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A repository, as far as it can be told. A manifest without a tag is found only by what speaks of it.

    :param name: of the service, or `releases`.
    :param tags: every tag, and what it names.
    :param manifests: every manifest that was found, those that tags name among them.
    :param referrers: digest → what the registry lists as about it, where it has such a list.
    :param seen: digest → the latest time at which it is known to have been there; of what is gone, too.
    """

    name: str
    tags: Mapping[str, Digest]
    manifests: Mapping[Digest, Manifest]
    referrers: Mapping[Digest, frozenset[Digest]] = field(default_factory=dict)
    seen: Mapping[Digest, datetime] = field(default_factory=dict)

    @cached_property
    def names(self) -> Mapping[Digest, tuple[str, ...]]:
        """Digest → its tags, without those that hold attachments."""
        found: dict[Digest, list[str]] = {}
        for tag, digest in sorted(self.tags.items()):
            if subject_of(tag) is None:
                found.setdefault(digest, []).append(tag)
        return {digest: tuple(tags) for digest, tags in found.items()}

    @cached_property
    def holders(self) -> Mapping[Digest, tuple[str, ...]]:
        """Digest → the tags that it holds attachments under."""
        found: dict[Digest, list[str]] = {}
        for tag, digest in sorted(self.tags.items()):
            if subject_of(tag) is not None:
                found.setdefault(digest, []).append(tag)
        return {digest: tuple(tags) for digest, tags in found.items()}

    @cached_property
    def attached(self) -> Mapping[Digest, frozenset[Digest]]:
        """Digest → what is about it: by the registry's list, by its tag, by what a manifest says itself."""
        found: dict[Digest, set[Digest]] = {digest: set(about) for digest, about in self.referrers.items()}
        for tag, digest in self.tags.items():
            if subject := subject_of(tag):
                found.setdefault(subject, set()).add(digest)
        for manifest in self.manifests.values():
            if manifest.subject:
                found.setdefault(manifest.subject, set()).add(manifest.digest)
        return {digest: frozenset(about) for digest, about in found.items()}

    def below(self, digests: Iterable[Digest]) -> frozenset[Digest]:
        """These, what they list, and what is about any of it: goes when they go, unless something else needs it."""
        return self._reached(digests, lambda one: (*self._children(one), *self.attached.get(one, ())))

    def together(self, digests: Iterable[Digest]) -> frozenset[Digest]:
        """These, what they list, and what is about any of it or what it is about: what must stay when they stay."""
        return self._reached(
            digests, lambda one: (*self._children(one), *self.attached.get(one, ()), *self._subjects(one))
        )

    def _reached(self, digests: Iterable[Digest], after: Callable[[Digest], tuple[Digest, ...]]) -> frozenset[Digest]:
        found: set[Digest] = set()
        waiting = list(digests)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(after(one))
        return frozenset(found)

    def _children(self, digest: Digest) -> tuple[Digest, ...]:
        manifest = self.manifests.get(digest)
        return manifest.children if manifest else ()

    def _subjects(self, digest: Digest) -> tuple[Digest, ...]:
        manifest = self.manifests.get(digest)
        said = (manifest.subject,) if manifest and manifest.subject else ()
        tags = self.holders.get(digest, ())
        # An empty list is the same for everything that has nothing attached any more, and ties none of it together.
        held = (subject_of(tags[0]),) if len(tags) == 1 else ()
        return tuple(one for one in (*said, *held) if one)

    @cached_property
    def roots(self) -> Mapping[Digest, tuple[str, ...]]:
        """What is judged by itself, and its tags: what a tag names, and what has no tag and belongs to nothing."""
        loose = self.manifests.keys() - self.below(self.names)
        under = {other for one in loose for other in self.below([one]) - {one}}
        return {**self.names, **dict.fromkeys(sorted(loose - under), ())}

    def known(self, digest: Digest) -> datetime | None:
        """When it was there already; of what a tag names, if nobody told, when it says that it was made.

        A commit may be old and its image new: the date that an image has of its own says nothing of one that no tag
        names yet.
        """
        manifest = self.manifests.get(digest)
        if digest in self.seen or manifest is None:
            return self.seen.get(digest)
        if digest in self.names:
            return manifest.created
        # What is left of the attachments of something that is gone.
        return max((self.seen[one] for one in self._subjects(digest) if one in self.seen), default=None)

    def weights(self, digests: Iterable[Digest]) -> Mapping[Digest, int]:
        """Bytes of every manifest and blob that these are made of, each once."""
        found: dict[Digest, int] = {}
        for manifest in (self.manifests[digest] for digest in digests if digest in self.manifests):
            found[manifest.digest] = manifest.size
            found.update(manifest.blobs)
        return found
