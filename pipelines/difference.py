"""What differs between two images of one service and platform, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pipelines.errors import shown
from pipelines.model import OCI

_BASE = f"{OCI}base.digest"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """An image's manifest and configuration, or an index and nothing, as the OCI image specification has them."""

    manifest: Mapping[str, Any]
    config: Mapping[str, Any]


def differences(before: Contents, after: Contents) -> tuple[str, ...]:
    """What is not the same: base image, labels, layers by their place, and the rest of the configuration."""
    found = [*_configured(before.config, after.config), *_layers(before, after)]
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


def _layers(before: Contents, after: Contents) -> Iterator[str]:
    old, new = before.manifest.get("layers") or [], after.manifest.get("layers") or []
    commands = _commands(after.config, len(new))
    for number, (one, other) in enumerate(zip_longest(old, new), start=1):
        if one is None or other is None:
            yield f"{len(old)} layers → {len(new)} layers"
            return
        if one["digest"] != other["digest"]:
            sizes = f", {one['size']:,} → {other['size']:,} bytes" if one["size"] != other["size"] else ""
            made = f" ({commands[number - 1]})" if commands else ""
            yield f"layer {number} of {len(new)}{made}: {_short(one['digest'])} → {_short(other['digest'])}{sizes}"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def _commands(config: Mapping[str, Any], layers: int) -> Sequence[str]:
    """What made each layer; empty if the history does not tell."""
    made = [entry for entry in config.get("history") or [] if not entry.get("empty_layer")]
    if len(made) != layers:
        return ()
    return [shown(" ".join(str(entry.get("created_by", "")).split())) for entry in made]
