"""Take images out of a registry, or from one to another, by digest: only what verifies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pipelines.errors import SigningError
from pipelines.graph.context import Session
from pipelines.graph.finish import bring
from pipelines.graph.proof import refusals
from pipelines.graph.quarantine import held
from pipelines.graph.together import together
from pipelines.model import Platform, Sealed, Target
from pipelines.stages.archive import archive


async def verify_at(session: Session, lot: Sequence[Sealed], target: Target) -> None:
    """Signatures of indexes and platforms, and what is attested to them.

    :raises SigningError: which service does not verify, and why; all of them.
    :raises RegistryError: the registry does not show it.
    """
    async with held(session.toolbox):
        await _verify(session, lot, target)


async def _verify(session: Session, lot: Sequence[Sealed], target: Target) -> None:
    if refused := await refusals(session, lot, target):
        lines = [
            f"{target.repository(one.service).at(one.index)}: {refused[one.service]}"
            for one in lot
            if one.service in refused
        ]
        raise SigningError(
            "what the registry holds does not verify:\n    " + "\n    ".join(sorted(lines)),
            remedy="do not use these images; they were not signed with this key, or were changed",
            step="verify",
        )


async def pull(
    session: Session,
    lot: Sequence[Sealed],
    target: Target,
    *,
    names: Mapping[str, str],
    platform: Platform | None,
    folder: Path,
) -> list[Path]:
    """Verify, then write each image as `SERVICE.tar` into the folder; nothing is written unless all verify.

    :param names: service → what a container tool calls its image.
    :param platform: only this one; None for all of the index.
    :raises SigningError, RegistryError: as `verify_at`.
    """

    async def one(sealed: Sealed) -> None:
        async with session.step("pull", sealed.service):
            file = await archive(
                session.toolbox, target, sealed.service, sealed.index,
                platform=platform, name=names[sealed.service],
            )  # fmt: skip
            await file.export(str(folder.absolute() / f"{sealed.service}.tar"))

    async with held(session.toolbox):
        await _verify(session, lot, target)
        await together(partial(one, sealed) for sealed in lot)
    return [folder / f"{sealed.service}.tar" for sealed in lot]


async def copy(session: Session, lot: Sequence[Sealed], source: Target, targets: Sequence[Target]) -> None:
    """Verify, copy with everything attached, and verify there. No tag moves.

    :raises SigningError: it does not verify where it is; nothing was copied.
    :raises RegistryError: it cannot be copied, or did not arrive whole.
    """
    async with held(session.toolbox):
        await _verify(session, lot, source)
        await together(partial(bring, session, sealed, target, source=source) for sealed in lot for target in targets)
