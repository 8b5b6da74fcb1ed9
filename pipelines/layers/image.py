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


@dataclass(frozen=True)
class KeptLayer:
    """A layer of the base, which stays as it is.

    :param descriptor: as the base's manifest has it.
    """

    descriptor: Mapping[str, Any]
    diff_id: str

    @property
    def digest(self) -> str:
        return str(self.descriptor["digest"])


def new_config(
    config: Mapping[str, Any], kept: Sequence[KeptLayer], layers: Sequence[Layer], created: str, steps: Sequence[str]
) -> dict[str, Any]:
    """The configuration, with a history that the Dockerfile tells.

    The engine's own says when it got a layer and from which of its caches, another thing in each build.

    :param kept: the base's.
    :param created: RFC 3339.
    :param steps: instructions that make layers, in order.
    """
    made = [f"FROM {_base(config)}"] * len(kept) + _told(steps, len(layers))
    return {
        **config,
        "created": created,
        "history": [{"created": created, "created_by": text} for text in made],
        "rootfs": {
            **config["rootfs"],
            "diff_ids": [*(layer.diff_id for layer in kept), *(layer.diff_id for layer in layers)],
        },
    }


def _base(config: Mapping[str, Any]) -> str:
    labels = (config.get("config") or {}).get("Labels") or {}
    name, digest = (labels.get(f"org.opencontainers.image.base.{what}") for what in ("name", "digest"))
    return f"{name.partition('@')[0]}@{digest}" if name and digest else "the base image"


def _told(steps: Sequence[str], layers: int) -> list[str]:
    """What each layer above the base is said to be made by: its instruction, where it is clear which."""
    for those in (steps, [step for step in steps if not step.startswith("WORKDIR ")]):
        if len(those) == layers:
            return list(those)
    return ["a step of the Dockerfile"] * layers


def new_manifest(
    manifest: Mapping[str, Any], kept: Sequence[KeptLayer], layers: Sequence[Layer], config: tuple[str, int]
) -> dict[str, Any]:
    """The manifest.

    :param config: digest and size of the configuration.
    """
    return {
        **manifest,
        "config": {**manifest["config"], "digest": config[0], "size": config[1]},
        "layers": [
            *(layer.descriptor for layer in kept),
            *({"mediaType": GZIP, "digest": layer.digest, "size": layer.size} for layer in layers),
        ],
    }


def written(document: Mapping[str, Any]) -> bytes:
    """A document, always in the same way."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
