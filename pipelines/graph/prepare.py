"""What the run asks for before and while it builds: the target registry, the key, the advisory database."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from pipelines.errors import ConfigError
from pipelines.graph.context import Run, Session
from pipelines.graph.together import together
from pipelines.model import Target
from pipelines.registry import remote
from pipelines.stages.database import Advisories, advisories
from pipelines.stages.engine import version


async def ready(run: Run) -> None:
    """See that the registry answers and that the key can be used, so that one that does not costs no build.

    :raises ConfigError: another version of the engine has built what is assembled.
    :raises RegistryError: a target cannot be reached.
    :raises SigningError: the key cannot be used.
    """
    await _check_engines(run)
    targets = run.plan.targets if run.options.push else ()
    await together([partial(_key, run), *(partial(_reachable, run, target) for target in targets)])


async def _check_engines(run: Run) -> None:
    """Refuse what another version of the engine has built: its images may be other ones.

    :raises ConfigError: naming each run and its version.
    """
    if not run.given:
        return
    here = await version(run.toolbox)
    if other := {one.made_by.run: one.engine for one in run.given.values() if one.engine != here}:
        raise ConfigError(
            "\n    ".join(
                ["nothing is assembled:", *(f"run {name} built with the engine {one}" for name, one in other.items())]
            ),
            remedy=f"use the engine {here} for all of it: that is what assembles",
            step="assemble",
        )


async def _key(run: Run) -> None:
    async with run.step("key"):
        await run.signer()


async def _reachable(run: Run, target: Target) -> None:
    async with run.step("registry", at=target):
        await remote.check(run.registries(target), run.plan.published[0].name)


async def advisories_for(run: Run) -> Advisories:
    """The database that the plan names, or the sample where that is allowed; the user is told which.

    :raises ToolError: no database that may be used can be had.
    """
    return await advisories_at(
        run,
        run.plan.database,
        max_age=timedelta(hours=run.plan.rules.max_database_age_hours),
        sample_allowed=run.plan.database_sample and run.plan.rules.rehearsal,
    )


async def advisories_at(session: Session, reference: str, *, max_age: timedelta, sample_allowed: bool) -> Advisories:
    """The same, of any database."""
    async with session.step("database") as note:
        found = await advisories(
            session.toolbox,
            session.registries,
            reference,
            max_age=max_age,
            sample_allowed=sample_allowed,
            now=session.clock(),
        )
        note.text = f"of {found.database.updated:%Y-%m-%d}" + (", the sample" if found.database.sample else "")
    if found.database.sample:
        session.observer.say(
            "No advisory database can be reached: the scan uses the SAMPLE in the repository. Not fit for release."
        )
    return found
