"""What costs nothing to ask before anything is built: the target registry, and the advisory database."""

from __future__ import annotations

from datetime import timedelta

from pipelines.graph.context import Run
from pipelines.graph.together import together
from pipelines.stages import publish
from pipelines.stages.database import Advisories, advisories


async def prepare(run: Run) -> Advisories | None:
    """Ask both, as far as this run needs them; the database, or None if scanning is turned off.

    :raises RegistryError: the target cannot be reached.
    :raises ToolError: no database that may be used can be had.
    """
    found: list[Advisories] = []

    async def database() -> None:
        found.append(await advisories_for(run))

    async def registry() -> None:
        service = run.plan.services[0]
        async with run.step("registry"):
            await publish.check(run.toolbox, service.repository, service=service.name, insecure=run.plan.insecure)

    await together(([database] if run.options.scan else []) + ([registry] if run.options.push else []))
    return found[0] if found else None


async def advisories_for(run: Run) -> Advisories:
    """The database that the plan names, or the sample where that is allowed; the user is told which."""
    async with run.step("database") as note:
        found = await advisories(
            run.toolbox,
            run.plan.database,
            max_age=timedelta(hours=run.plan.rules.max_database_age_hours),
            sample_allowed=run.plan.database_sample and run.plan.rules.rehearsal,
            now=run.clock(),
        )
        note.text = f"of {found.database.updated:%Y-%m-%d}" + (", the sample" if found.database.sample else "")
    if found.database.sample:
        run.observer.say(
            "No advisory database can be reached: the scan uses the SAMPLE in the repository. Not fit for release."
        )
    return found
