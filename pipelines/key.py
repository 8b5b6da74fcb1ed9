"""The input key: what a service's image is made of, as one hash. Two images with one key are interchangeable.

It holds nothing that says when, where or by whom an image was made: no time of a file, no commit, no registry.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from pipelines import tools
from pipelines.context_size import ignored
from pipelines.contexts import NEVER_SENT, Context, ignore_file
from pipelines.dockerfile_images import NEED, External, arguments, external_images
from pipelines.errors import shown
from pipelines.model import OCI, Platform, Tag
from pipelines.plan import ServicePlan
from pipelines.versions import parse, stable

FORMAT = 4
"""Goes up whenever Sealift makes another image, index or attestation of the same inputs, or looks for more in one."""

ANNOTATION = "dev.sealift.key"
"""Annotation of the index, and so part of what is signed: a tag that names another service's image is found out."""

_TAG = "key-"
MADE_BY = (tools.REGCTL, tools.SYFT, tools.COSIGN, tools.PROBE)
"""The tools whose work is published: indexes, SBOMs, signatures, layers. The scan is made afresh."""

_THEIR_IMAGES = tuple(tool.image for tool in MADE_BY)

OF_THE_COMMIT = frozenset({f"{OCI}revision", f"{OCI}created", f"{OCI}version"})
"""Labels that are no input: they name the commit and the version that the image was first made for."""
# What a umask takes away or leaves of the right to write says nothing about the image.
_MODES_THAT_MATTER = 0o7555


class Key(str):
    """64 hexadecimal digits."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """:raises ValueError: if the text is no key."""
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise ValueError(f"{shown(value)} is no input key; expected 64 hexadecimal digits")
        return super().__new__(cls, value)

    @property
    def tag(self) -> Tag:
        """The tag that names the index with this key, beside the versions."""
        return Tag(_TAG + self)

    @property
    def short(self) -> str:
        """Twelve hexadecimal digits, for people."""
        return self[:12]


def is_key_tag(tag: str) -> bool:
    """Whether a tag is one that only says what an image was made of: no version, and never listed as one."""
    return re.fullmatch(_TAG + "[0-9a-f]{64}", tag) is not None


class Unknown(Exception):
    """What the image is made of cannot be told: it has no key."""


@dataclass(frozen=True, kw_only=True)
class Ingredients:
    """What the repository says of a service's image.

    :param tree: hash of the context as it is sent.
    :param standing: `changed` where something is not committed; else what the label with the version is about:
        `release`, `prerelease` or `commit`.
    :param checks: how the image is booted. With these in the key, what is reused was booted just so.
    :param images: platform → images from registries that the Dockerfile names.
    """

    tree: str
    dockerfile: str
    target: str | None
    args: Mapping[str, str]
    secrets: tuple[str, ...]
    labels: Mapping[str, str]
    standing: str
    checks: str | None
    needs: Mapping[str, str]
    images: Mapping[Platform, tuple[External, ...]]

    def key(
        self,
        *,
        digests: Mapping[Platform, Mapping[str, str]],
        needs: Mapping[str, Key],
        engine: str,
        tools: Sequence[str] = _THEIR_IMAGES,
    ) -> Key:
        """The key.

        :param digests: platform → image of `images`, as text → its digest, as the registry has it now.
        :param needs: service that this one is built on → its key.
        :param engine: version of the engine.
        :param tools: the images of `MADE_BY` that are run.
        """
        document = asdict(self) | {
            "format": FORMAT,
            "engine": engine,
            "tools": list(tools),
            "needs": {service: [argument, needs[service]] for service, argument in self.needs.items()},
            "images": {
                platform: {str(image): digests[platform][str(image)] for image in images}
                for platform, images in self.images.items()
            },
        }
        return Key(hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest())


def ingredients(root: Path, service: ServicePlan) -> Ingredients:
    """Read what a service's image is made of.

    :raises Unknown: a file cannot be read, or the Dockerfile names an image that cannot be told.
    """
    context = Context(folder=service.context, dockerfile=service.dockerfile)
    try:
        text = (root / context.folder / context.dockerfile).read_bytes()
        tree = tree_hash(root, context)
    except OSError as error:
        raise Unknown(f"{error.filename} cannot be read: {error.strerror}") from error
    args = arguments(service.args, service.needs)
    return Ingredients(
        tree=tree,
        dockerfile=f"{context.dockerfile} {hashlib.sha256(text).hexdigest()}",
        target=service.target,
        args=service.args,
        secrets=tuple(sorted(service.secrets)),
        labels={name: value for name, value in service.labels.items() if name not in OF_THE_COMMIT},
        standing=_standing(service),
        checks=service.boot.model_dump_json() if service.boot else None,
        needs=service.needs,
        images={
            platform: tuple(_external(text.decode("utf-8", "replace"), args, platform))
            for platform in sorted(service.platforms)
        },
    )


def _external(text: str, args: Mapping[str, str], platform: Platform) -> Iterator[External]:
    for image in external_images(text, args=args, platform=platform):
        if not image.reference or "$" in image.reference:
            raise Unknown("the Dockerfile names an image by a variable whose value only its build knows")
        if not image.reference.startswith(NEED):
            yield image


def _standing(service: ServicePlan) -> str:
    if service.dirty:
        return "changed"
    version = parse(service.version) if service.version else None
    if version is None:
        return "commit"
    return "release" if stable(version) else "prerelease"


def tree_hash(root: Path, context: Context) -> str:
    """A hash over paths, modes and contents of what is sent of a context, and over its ignore file.

    :raises OSError: a file cannot be read.
    """
    whole = hashlib.sha256()
    for entry in sorted(_entries(root, context)):
        whole.update(json.dumps(entry).encode() + b"\n")
    if file := ignore_file(root, context):
        whole.update((root / file).read_bytes())
    return whole.hexdigest()


def _entries(root: Path, context: Context) -> Iterator[tuple[str, str, int, str]]:
    """Path from the context, kind, mode and content of everything that is sent."""
    folder, left_out = root / context.folder, ignored(root, context)

    def failed(error: OSError) -> None:
        raise error

    for current, names, files in os.walk(folder, onerror=failed):
        here = Path(current)
        base = PurePosixPath(here.relative_to(root))
        skipped = NEVER_SENT if here == root else ()
        names[:] = [name for name in names if name not in skipped and not left_out(base / name)]
        for name in (*names, *files):
            if name not in skipped and (name in names or not left_out(base / name)):
                yield _entry(here / name, str((here / name).relative_to(folder)))


def _entry(path: Path, name: str) -> tuple[str, str, int, str]:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode) & _MODES_THAT_MATTER
    if stat.S_ISLNK(status.st_mode):
        return name, "link", 0, str(path.readlink())
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            return name, "file", mode, hashlib.file_digest(file, "sha256").hexdigest()
    return name, "folder" if stat.S_ISDIR(status.st_mode) else "other", mode, ""
