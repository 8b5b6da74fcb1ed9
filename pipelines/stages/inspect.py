"""Read an image's manifest and configuration from the quarantine, by digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import dagger

from pipelines.errors import ToolError
from pipelines.model import Digest, Image, Unit
from pipelines.stages.failures import ENGINE_FAILURES, engine_error, last_words, lost
from pipelines.stages.toolbox import Toolbox, quarantined

MANIFEST = "manifest.json"
CONFIG = "config.json"


def contents(toolbox: Toolbox, unit: Unit, digest: Digest) -> dagger.Directory:
    """`manifest.json` and `config.json` of what the quarantine holds under this digest; read once in a run."""
    reference = quarantined(unit.service, digest)
    return (
        toolbox.regctl()
        .with_directory("/out", toolbox.client.directory())
        .with_exec(
            ["manifest", "get", "--format", "raw-body", reference],
            use_entrypoint=True,
            redirect_stdout=f"/out/{MANIFEST}",
        )
        .with_exec(["image", "inspect", reference], use_entrypoint=True, redirect_stdout=f"/out/{CONFIG}")
        .directory("/out")
    )


async def inspect(toolbox: Toolbox, unit: Unit, digest: Digest) -> Image:
    """Size, layers, user and labels of what the quarantine holds under this digest.

    :raises ToolError: the quarantine's answer is no image manifest.
    """
    where = {"service": unit.service, "platform": unit.platform, "step": "inspect"}
    found = contents(toolbox, unit, digest)
    try:
        manifest, config = await found.file(MANIFEST).contents(), await found.file(CONFIG).contents()
    except dagger.ExecError as failure:
        raise ToolError(last_words(failure), remedy="run the command again", **where) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, **where) from failure
    except ENGINE_FAILURES as failure:
        raise lost(failure, **where) from failure
    try:
        return read_image(unit, digest, json.loads(manifest), json.loads(config))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"the quarantine's manifest is not readable: {error!r}", remedy="run again", **where) from error


def read_image(unit: Unit, digest: Digest, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> Image:
    """An image from its manifest and configuration, as the OCI image specification has them.

    :raises KeyError, TypeError, ValueError: they are not as the specification has them.
    """
    runtime = config.get("config") or {}
    return Image(
        unit=unit,
        digest=digest,
        size=sum(int(layer["size"]) for layer in manifest["layers"]) + int(manifest["config"]["size"]),
        layers=len(manifest["layers"]),
        user=str(runtime.get("User") or ""),
        labels=dict(runtime.get("Labels") or {}),
    )
