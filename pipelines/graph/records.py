"""Keep the release record where whoever has lost the machine finds it: at every registry of the release."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipelines.errors import RegistryError
from pipelines.graph.context import Session
from pipelines.graph.together import together
from pipelines.model import Tag, Target
from pipelines.record import read
from pipelines.registry import records


async def keep(session: Session, targets: Sequence[Target], text: str, tags: Sequence[Tag]) -> None:
    """Put the record to every registry under these tags.

    :raises RegistryError: a registry did not take it.
    """

    async def one(target: Target) -> None:
        async with session.step("record", at=target):
            await records.put(session.registries(target), text, tags)

    await together(partial(one, target) for target in targets)


async def claim(session: Session, target: Target, text: str, versions: Sequence[Tag]) -> None:
    """Say at the first registry that this run makes these versions, over what any run has said before.

    Registries have no locks. Of two runs at once, both say so before they carry anything, and the last one to say so is
    the one that moves tags: `check_claim`, after everything is carried. A run that died keeps nobody out.
    """
    if versions:
        await records.put(session.registries(target), text, [_claim(tag) for tag in versions])


async def check_claim(session: Session, target: Target, run: str, versions: Sequence[Tag]) -> None:
    """See that nobody else has begun to make these versions since.

    :raises RegistryError: somebody has; no tag of this run has moved.
    """
    for tag in versions:
        text = await records.get(session.registries(target), _claim(tag))
        other = read(text, f"the claim of {tag} at {target}").id if text else run
        if other != run:
            raise RegistryError(
                f"{tag} is being released by another run too, {other}, which began later and goes on; no tag has moved",
                remedy="wait for the other run, and look what it released; start one release of a version at a time",
                step="record",
            )


def _claim(tag: Tag) -> Tag:
    return Tag(f"claim-{tag}"[:128])


async def find(session: Session, targets: Sequence[Target], name: str, *, prefix: str = "") -> str:
    """The record that a registry keeps under a run's id or a version; the first registry that has it gives it.

    A registry that cannot be asked is passed over while there is another.

    :param prefix: the environment's, before every version.
    :raises RegistryError: none has it.
    """
    try:
        tags = dict.fromkeys((Tag(prefix + name), Tag(name)))
    except ValueError as error:
        raise RegistryError(str(error), remedy="name a run's id or a version", step="record") from error
    lost: list[RegistryError] = []
    async with session.step("record"):
        for target in targets:
            for tag in tags:
                try:
                    text = await records.get(session.registries(target), tag)
                except RegistryError as failure:
                    lost.append(failure)
                    break
                if text:
                    return text
    if lost:
        raise lost[0]
    raise RegistryError(
        f"no release record {name} at {', '.join(map(str, targets))}",
        remedy="name the id of a run, or a version that was released to this environment",
        step="record",
    )
