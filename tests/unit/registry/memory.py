"""A registry in memory, that answers what the client of a real one does, and dies when it is told to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.errors import RegistryError
from pipelines.model import RECORDS, Digest, Repository, Tag, Target
from pipelines.registry.documents import INDEX, MANIFEST, Document, Referrer
from pipelines.registry.kind import Kind
from pipelines.registry.kinds import kind_of

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
TARGET = Target(registry="registry.example.com", prefix="shop/")


def digest_of(data: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


@dataclass
class Repo:
    manifests: dict[Digest, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)


class Killed(Exception):
    """The command is gone in the middle of it."""


@dataclass
class Memory:
    """:param api: it has the referrers API; else attachments are under tags.

    :param dies_after: so many deletions work, and then there is no command any more.
    """

    api: bool = False
    target: Target = TARGET
    repos: dict[str, Repo] = field(default_factory=dict)
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    dies_after: int | None = None
    deleted: list[str] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return kind_of(self.target.registry)

    def repo(self, repository: Repository) -> Repo:
        return self.repos.setdefault(repository.path.removeprefix(self.target.prefix), Repo())

    # What the client has.

    async def tags(self, repository: Repository) -> tuple[str, ...]:
        return tuple(self.repo(repository).tags)

    async def resolve(self, repository: Repository, tag: Tag) -> Digest | None:
        return self.repo(repository).tags.get(tag)

    async def manifest(self, repository: Repository, reference: str) -> Document | None:
        repo = self.repo(repository)
        digest = repo.tags.get(reference, reference)
        document = repo.manifests.get(digest)  # type: ignore[arg-type]
        if document is None:
            return None
        size = len(json.dumps(document))
        return Document(digest=Digest(digest), media_type=document["mediaType"], size=size, document=document)

    async def attached(self, repository: Repository, digest: Digest) -> tuple[Referrer, ...] | None:
        if not self.api:
            return None
        found = self.repo(repository).manifests.items()
        return tuple(
            Referrer(digest=one, media_type=MANIFEST, size=1, artifact_type="x")
            for one, document in found
            if document.get("subject", {}).get("digest") == digest
        )

    async def content(self, _: Repository, digest: Digest) -> bytes | None:
        return self.blobs.get(digest)

    async def blob(self, _: Repository, digest: Digest) -> Document | None:
        data = self.blobs.get(digest)
        return data and Document(digest=digest, media_type="", size=len(data), document=json.loads(data))

    async def delete_manifest(self, repository: Repository, digest: Digest) -> bool:
        self._one_more(digest)
        repo = self.repo(repository)
        repo.tags = {tag: one for tag, one in repo.tags.items() if one != digest}
        return repo.manifests.pop(digest, None) is not None

    async def delete_tag(self, repository: Repository, tag: Tag) -> bool:
        self._one_more(tag)
        return self.repo(repository).tags.pop(tag, None) is not None

    def _one_more(self, what: str) -> None:
        if self.dies_after is not None and len(self.deleted) >= self.dies_after:
            raise Killed
        self.deleted.append(what)

    # How it is filled.

    def put(self, repo: str, document: Mapping[str, Any], *tags: str) -> Digest:
        made = {"mediaType": MANIFEST, **document}
        digest = digest_of(json.dumps(made).encode())
        there = self.repos.setdefault(repo, Repo())
        there.manifests[digest] = made
        there.tags.update(dict.fromkeys(tags, digest))
        subject = made.get("subject")
        if subject and not self.api:
            self._list(there, Digest(subject["digest"]), digest)
        return digest

    def _list(self, there: Repo, subject: Digest, digest: Digest) -> None:
        tag = subject.replace(":", "-")
        old = there.tags.get(tag)
        entries = there.manifests[old]["manifests"] if old else []
        made = {"mediaType": INDEX, "manifests": [*entries, {"digest": digest}]}
        if old and old not in [one for name, one in there.tags.items() if name != tag]:
            del there.manifests[old]
        there.tags[tag] = digest_of(json.dumps(made).encode())
        there.manifests[there.tags[tag]] = made

    def platform(self, repo: str, seed: str, *tags: str) -> Digest:
        layers = [{"digest": digest_of(part.encode()), "size": 1000} for part in ("base", seed)]
        return self.put(repo, {"layers": layers}, *tags)

    def image(self, repo: str, seed: str, *tags: str, made: datetime = NOW - timedelta(days=90)) -> list[Digest]:
        """An index of two platforms, each with a signature; index, platforms."""
        children = [self.platform(repo, f"{seed} {name}") for name in ("amd64", "arm64")]
        entries = [{"digest": child} for child in children]
        annotations = {"org.opencontainers.image.created": made.isoformat()}
        index = self.put(repo, {"mediaType": INDEX, "manifests": entries, "annotations": annotations}, *tags)
        for one in (index, *children):
            self.sign(repo, one)
        return [index, *children]

    def sign(self, repo: str, subject: Digest) -> Digest:
        layer = {"digest": digest_of(f"signature of {subject}".encode()), "size": 100}
        return self.put(repo, {"subject": {"digest": subject}, "layers": [layer], "artifactType": "signature"})

    def record(
        self,
        run: str,
        lot: Mapping[str, list[Digest]],
        *tags: str,
        started: datetime = NOW - timedelta(days=90),
        state: str = "published",
        version: str | None = None,
        environment: str = "prod",
        format: int = 2,
    ) -> Digest:
        """A release record, under the run's id and further tags."""
        moves = [{"tag": version or "x", "before": None, "after": None, "moved": True, "kept": None}]
        services = {
            name: {
                "index": digests[0],
                "published": [{"repository": name, "tags": [{**move, "after": digests[0]} for move in moves]}],
                "platforms": {
                    f"linux/{arch}": _unit(digest)
                    for arch, digest in zip(("amd64", "arm64"), digests[1:], strict=False)
                },
            }
            for name, digests in lot.items()
        }
        text = json.dumps(
            {
                "format": format, "id": run, "state": state, "started": started.isoformat(),
                "finished": (started + timedelta(minutes=1)).isoformat() if state == "published" else None,
                "fit_for_release": True, "rebuilt_bases": False, "tools": {}, "database": None, "public_key": None,
                "verdict": {"passed": True, "violations": []}, "services": services,
                "plan": {
                    "project": "shop", "environment": environment, "when_tags_fail": "stop", "commit": "c" * 40,
                    "version": version, "tag_prefix": "",
                    "targets": [{"registry": TARGET.registry, "prefix": TARGET.prefix, "insecure": False}],
                    "services": [{"name": name, "version": None, "published": True} for name in lot],
                },
            }
        ).encode()  # fmt: skip
        layer = digest_of(text)
        self.blobs[layer] = text
        document = {
            "artifactType": "application/vnd.sealift.release.v2+json",
            "layers": [{"digest": layer, "size": len(text)}],
        }
        return self.put(RECORDS, document, run, *tags)

    # What can be seen of it.

    def whole(self, repo: str, digest: Digest) -> bool:
        """Whether a manifest, its platforms, and a signature of each of them are there."""
        there = self.repos[repo].manifests
        if digest not in there:
            return False
        children = [Digest(entry["digest"]) for entry in there[digest].get("manifests", [])]
        return all(child in there and self.signed(repo, child) for child in children) and self.signed(repo, digest)

    def signed(self, repo: str, digest: Digest) -> bool:
        """Whether somebody who asks for signatures finds one."""
        there = self.repos[repo]
        if self.api:
            return any(one.get("subject", {}).get("digest") == digest for one in there.manifests.values())
        listed = there.tags.get(digest.replace(":", "-"))
        entries = there.manifests.get(listed, {}).get("manifests", []) if listed else []
        return any(entry["digest"] in there.manifests for entry in entries)

    def state(self) -> dict[str, tuple[frozenset[str], frozenset[Digest]]]:
        """Everything in it, to compare."""
        return {name: (frozenset(repo.tags), frozenset(repo.manifests)) for name, repo in self.repos.items()}


def _unit(digest: Digest) -> dict[str, Any]:
    return {
        "digest": digest, "size": 1, "layers": 1, "user": "1", "labels": {}, "packages": 1, "boot_ms": None,
        "cached": False, "seconds": 1.0, "findings": {}, "secrets": 0,
    }  # fmt: skip


def names(items: Iterable[Any]) -> list[str]:
    """The first tag of each, or its digest."""
    return [item.tags[0] if item.tags else item.digest.short for item in items]


class Refusing(Memory):
    """A registry that deletes nothing."""

    async def delete_manifest(self, repository: Repository, _: Digest) -> bool:
        raise RegistryError(f"{repository}: DELETE: not allowed [http 405]", remedy="none")
