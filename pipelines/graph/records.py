"""Keep the release record where whoever has lost the machine finds it: at every registry of the release."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipelines.errors import RegistryError
from pipelines.graph.context import Session
from pipelines.graph.together import together
from pipelines.model import Tag, Target
from pipelines.stages import records


async def keep(session: Session, targets: Sequence[Target], text: str, tags: Sequence[Tag]) -> None:
    """Put the record to every registry under these tags.

    :raises RegistryError: a registry did not take it.
    """

    async def one(target: Target) -> None:
        async with session.step("record", at=target):
            await records.put(session.toolbox, target, text, tags)

    await together(partial(one, target) for target in targets)


async def find(session: Session, targets: Sequence[Target], name: str) -> str:
    """The record that a registry keeps under a run's id or a version; the first registry that has it gives it.

    :raises RegistryError: none has it.
    """
    try:
        tag = Tag(name)
    except ValueError as error:
        raise RegistryError(str(error), remedy="name a run's id or a version", step="record") from error
    async with session.step("record"):
        for target in targets:
            if text := await records.get(session.toolbox, target, tag):
                return text
    raise RegistryError(
        f"no release record {name} at {', '.join(map(str, targets))}",
        remedy="name the id of a run, or a version that was released to this environment",
        step="record",
    )
