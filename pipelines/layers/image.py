"""An image's documents, as the OCI image specification has them, with layers that were written anew. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Layer:
    """:param diff_id: digest of the archive; `digest` and `size` are those of the compressed file."""

    digest: str
    size: int
    diff_id: str


def shared(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many entries at the beginning are the same: what an image has of its base."""
    return next((number for number, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                min(len(one), len(other)))  # fmt: skip


def new_config(config: Mapping[str, Any], kept: int, layers: Sequence[Layer], created: str) -> dict[str, Any]:
    """The configuration.

    The history is the engine's own: of layers that came with the base image too it says when this engine got them.

    :param kept: how many layers are the base's.
    :param created: RFC 3339.
    """
    return {
        **config,
        "created": created,
        "history": [{**entry, "created": created} for entry in config.get("history") or []],
        "rootfs": {
            **config["rootfs"],
            "diff_ids": config["rootfs"]["diff_ids"][:kept] + [layer.diff_id for layer in layers],
        },
    }


def new_manifest(
    manifest: Mapping[str, Any], kept: int, layers: Sequence[Layer], config: tuple[str, int]
) -> dict[str, Any]:
    """The manifest.

    :param config: digest and size of the configuration.
    """
    return {
        **manifest,
        "config": {**manifest["config"], "digest": config[0], "size": config[1]},
        "layers": [
            *manifest["layers"][:kept],
            *({"mediaType": GZIP, "digest": layer.digest, "size": layer.size} for layer in layers),
        ],
    }


def written(document: Mapping[str, Any]) -> bytes:
    """A document, always in the same way."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
