"""Carry what is sealed to every target, and verify it there. No tag moves here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipelines.errors import SigningError
from pipelines.graph.context import Run
from pipelines.graph.examination import Examination
from pipelines.graph.look import Loads
from pipelines.graph.proof import objections
from pipelines.graph.seal import ROUNDS, seal
from pipelines.graph.together import together
from pipelines.model import Sealed, Target
from pipelines.stages import publish


async def carry(run: Run, examination: Examination, loads: Loads) -> None:
    """Copy by digest, with signatures and attestations, to all targets at once.

    :raises RegistryError: which copy failed.
    :raises SigningError: what arrived does not verify.
    """
    await together(partial(_carry, run, examination, target, sealed) for target, sealed in loads.items())


async def _carry(run: Run, examination: Examination, target: Target, sealed: Sequence[Sealed]) -> None:
    objection: str | None = None
    for number in range(ROUNDS):
        await together(partial(_copy, run, target, one, again=number > 0) for one in sealed)
        objection = await objections(run, sealed, target)
        if objection is None:
            return
        # A copy that broke off, now or in an earlier run, has left signatures without a list that names them; or
        # another run on this engine changed the quarantine's list between verifying and copying.
        await seal(run, examination, sealed)
    raise SigningError(
        f"what arrived at {target} does not verify: {objection}",
        remedy="run the command again when no other release runs on this engine; no tag has moved",
        step="verify",
    )


async def _copy(run: Run, target: Target, one: Sealed, *, again: bool) -> None:
    async with run.step("copy", one.service, at=target):
        await publish.copy(run.toolbox, target, one.service, one.index, again=again)
