"""What differs between two images of one service and platform, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import shown
from pipelines.model import OCI

_BASE = f"{OCI}base.digest"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """An image's manifest and configuration, or an index and nothing, as the OCI image specification has them."""

    manifest: Mapping[str, Any]
    config: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The first file that two archives do not have in common, or not in the same way.

    :param what: what of it differs, and how it is in the one and in the other; None where there is nothing.
    """

    path: str
    what: tuple[tuple[str, str | None, str | None], ...]

    def __str__(self) -> str:
        return f"/{self.path}: " + "; ".join(f"{name} {_value(old)} → {_value(new)}" for name, old, new in self.what)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer that differs, by its place, from 1.

    :param command: what made it; None if the history does not tell.
    :param digests: of the one and of the other.
    :param sizes: in bytes, compressed.
    :param first: None if its files are the same or were not looked at.
    """

    number: int
    of: int
    command: str | None
    digests: tuple[str, str]
    sizes: tuple[int, int]
    first: Changed | None = None

    def __str__(self) -> str:
        old, new = self.sizes
        sizes = f", {old:,} → {new:,} bytes" if old != new else ""
        made = f" ({self.command})" if self.command else ""
        changed = f"; first in it {self.first}" if self.first else ""
        return f"layer {self.number} of {self.of}{made}: {' → '.join(map(_short, self.digests))}{sizes}{changed}"

    def as_json(self) -> dict[str, Any]:
        """For `reproduce --json` and `rebuild --json`."""
        return {
            "number": self.number,
            "command": self.command,
            "digests": list(self.digests),
            "path": self.first and self.first.path,
            "what": [{"name": name, "before": old, "after": new} for name, old, new in self.first.what]
            if self.first
            else [],
        }


def differences(before: Contents, after: Contents, layers: Sequence[Layer]) -> tuple[str, ...]:
    """What is not the same: base image, labels, layers by their place, and the rest of the configuration.

    :param layers: those of `layers`, with or without what differs in them.
    """
    found = [*_configured(before.config, after.config), *map(str, layers), *_more_layers(before, after)]
    found += _mapping("annotation", before.manifest.get("annotations"), after.manifest.get("annotations"))
    return tuple(found) or ("nothing that the image specification knows: the documents are written differently",)


def _configured(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = before.get("config") or {}, after.get("config") or {}
    labels = (old.get("Labels") or {}, new.get("Labels") or {})
    bases = [found.get(_BASE) for found in labels]
    if bases[0] != bases[1]:
        yield f"the base image is another: {bases[0] or 'none'} → {bases[1] or 'none'}"
    yield from _mapping("label", *({key: item[key] for key in item if key != _BASE} for item in labels))
    for key in sorted((old.keys() | new.keys()) - {"Labels"}):
        if old.get(key) != new.get(key):
            yield f"configuration {key}: {_value(old.get(key))} → {_value(new.get(key))}"
    if before.get("created") != after.get("created"):
        yield f"the time at which it was made: {before.get('created')} → {after.get('created')}"


def _mapping(what: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[str]:
    old, new = before or {}, after or {}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{what} {key}: {_value(old.get(key))} → {_value(new.get(key))}"


def _value(value: Any) -> str:
    return "none" if value is None else shown(str(value))


def changed_layers(before: Contents, after: Contents) -> list[Layer]:
    """The layers that differ, of those that both have."""
    old, new = before.manifest.get("layers") or [], after.manifest.get("layers") or []
    made = commands(after.config, len(new))
    return [
        Layer(
            number=number,
            of=len(new),
            command=made[number - 1] if made else None,
            digests=(one["digest"], other["digest"]),
            sizes=(one["size"], other["size"]),
        )
        for number, (one, other) in enumerate(zip(old, new, strict=False), start=1)
        if one["digest"] != other["digest"]
    ]


def _more_layers(before: Contents, after: Contents) -> Iterator[str]:
    old, new = (len(found.manifest.get("layers") or []) for found in (before, after))
    if old != new:
        yield f"{old} layers → {new} layers"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def commands(config: Mapping[str, Any], layers: int) -> Sequence[str]:
    """What made each layer; empty if the history does not tell."""
    made = [entry for entry in config.get("history") or [] if not entry.get("empty_layer")]
    if len(made) != layers:
        return ()
    return [shown(" ".join(str(entry.get("created_by", "")).split())) for entry in made]
