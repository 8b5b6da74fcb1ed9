"""Join the platforms of a service into one OCI index in the quarantine, by the digests that passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.model import Digest
from pipelines.plan import ServicePlan
from pipelines.stages.toolbox import QUARANTINE, Toolbox, run


async def index(
    toolbox: Toolbox, service: ServicePlan, images: Sequence[Digest], *, annotations: Mapping[str, str]
) -> Digest:
    """The digest of the index; the same platforms, labels and annotations give the same digest.

    :param annotations: beside the labels.
    :raises ToolError: regctl failed.
    """
    args = ["index", "create", f"{QUARANTINE}/{service.name}", "--by-digest"]
    args += ["--format", "{{.Manifest.GetDescriptor.Digest}}"]
    for image in images:
        args += ["--digest", image]
    for name, value in sorted({**service.labels, **annotations}.items()):
        args += ["--annotation", f"{name}={value}"]
    container = toolbox.asked(toolbox.regctl())
    return Digest((await run(container, args, service=service.name, step="index")).strip())
