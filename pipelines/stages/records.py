"""Release records as OCI artifacts, beside the images that they are about."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.errors import RegistryError
from pipelines.model import RECORDS, Tag, Target
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.retry import retried
from pipelines.stages.regctl import ask
from pipelines.stages.toolbox import Toolbox

ARTIFACT_TYPE = "application/vnd.sealift.release.v2+json"
_FILE = "/sealift/release.json"


@retried
async def put(toolbox: Toolbox, target: Target, text: str, tags: Sequence[Tag]) -> None:
    """Keep a record under each of these tags.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    address = toolbox.at(target, RECORDS)
    for tag in tags:
        args = ["artifact", "put", f"--artifact-type={ARTIFACT_TYPE}", "--file-media-type=application/json"]
        args += [f"--file={_FILE}", f"{address}:{tag}"]
        await ask(toolbox, target, args, step="record", files={_FILE: text})


@retried
async def get(toolbox: Toolbox, target: Target, tag: Tag) -> str | None:
    """The record that is kept under a tag; None if there is none.

    :raises RegistryError: the registry's answer is neither.
    """
    args = ["artifact", "get", f"--filter-artifact-type={ARTIFACT_TYPE}", f"{toolbox.at(target, RECORDS)}:{tag}"]
    try:
        return await ask(toolbox, target, args, step="record")
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return None
        raise
