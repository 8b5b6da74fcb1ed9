"""An image's documents, at a registry or in the quarantine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.difference import Contents
from pipelines.errors import RegistryError
from pipelines.model import Digest, Target
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.retry import retried
from pipelines.stages.regctl import ask
from pipelines.stages.toolbox import Toolbox


@retried
async def contents(toolbox: Toolbox, target: Target, service: str, digest: Digest) -> Contents | None:
    """Manifest and configuration of an image, or an index by itself; None if the registry does not have it.

    :raises RegistryError: the registry's answer is neither.
    """
    reference = f"{toolbox.at(target, service)}@{digest}"

    async def asked(*args: str) -> Mapping[str, Any]:
        found = json.loads(await ask(toolbox, target, [*args, reference], service=service, step="compare"))
        return found if isinstance(found, dict) else {}

    try:
        manifest = await asked("manifest", "get", "--format", "raw-body")
        config = await asked("image", "inspect") if "config" in manifest else {}
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return None
        raise
    return Contents(manifest=manifest, config=config)
