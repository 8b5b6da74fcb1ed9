"""What differs between two images of one service and platform, down to the first file of each layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.difference import Contents, Layer, changed_layers, differences
from pipelines.errors import RegistryError
from pipelines.graph.context import Session
from pipelines.model import Digest, Target
from pipelines.stages.contents import contents
from pipelines.stages.layers import first_differences
from pipelines.stages.toolbox import QUARANTINED


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What differs, in words; and the layers among it."""

    differences: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()


async def explained(
    session: Session, service: str, before: Digest, after: Digest, *, source: Target = QUARANTINED
) -> Explained:
    """What differs between two manifests: of platforms, or of indexes.

    :param after: is in the quarantine.
    :param source: registry that has the one before.
    """
    try:
        old = await contents(session.toolbox, source, service, before)
        new = await contents(session.toolbox, QUARANTINED, service, after)
        if old is None or new is None:
            return Explained(differences=(f"what differs cannot be told: {source} no longer has {before.short}",))
        if old.manifest.get("manifests") != new.manifest.get("manifests"):
            return Explained(differences=("its platforms are others",))
        layers = await _layers(session, service, old, new, source)
    except RegistryError as failure:
        return Explained(differences=(f"what differs cannot be told: {failure.what}",))
    return Explained(differences=differences(old, new, layers), layers=layers)


async def _layers(
    session: Session, service: str, before: Contents, after: Contents, source: Target
) -> tuple[Layer, ...]:
    found = changed_layers(before, after)
    changes = await first_differences(session.toolbox, service, [one.digests for one in found], source=source)
    return tuple(replace(one, first=first) for one, first in zip(found, changes, strict=True))
