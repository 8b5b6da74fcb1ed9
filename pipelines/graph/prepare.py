"""What the run asks of the outside world before and while it builds: the target registry, the advisory database."""

from __future__ import annotations

from datetime import timedelta

from pipelines.graph.context import Run
from pipelines.stages import publish
from pipelines.stages.database import Advisories, advisories


async def reachable(run: Run) -> None:
    """Ask the target registry for an answer, so that one that is not there costs no build.

    :raises RegistryError: the target cannot be reached.
    """
    service = run.plan.services[0]
    async with run.step("registry"):
        await publish.check(run.toolbox, service.repository, service=service.name, insecure=run.plan.insecure)


async def advisories_for(run: Run) -> Advisories:
    """The database that the plan names, or the sample where that is allowed; the user is told which.

    :raises ToolError: no database that may be used can be had.
    """
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
