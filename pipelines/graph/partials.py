"""What one run builds for another to release, and what that one does with it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import anyio
import dagger

from pipelines.errors import ConfigError
from pipelines.files import write_whole
from pipelines.graph.baked import search
from pipelines.graph.context import Given, Run
from pipelines.graph.examination import Examination, begin
from pipelines.graph.keys import digests
from pipelines.graph.quarantine import held, start
from pipelines.graph.together import together
from pipelines.graph.units import boot_one, build_one
from pipelines.graph.verbs import write_archive
from pipelines.key import Unknown
from pipelines.model import Digest, Unit
from pipelines.partial import FILE, Baked, Image, Part, Partial, archive_hash
from pipelines.stages import engine
from pipelines.stages.archive import file_name
from pipelines.stages.baked import baked_secret
from pipelines.stages.boot import Booted

InputsOf = Callable[[], Awaitable[Mapping[Unit, str]]]
"""`pipelines.assembling.inputs_of` for the plan, at the time that it is called."""


async def write(run: Run, folder: Path, inputs_of: InputsOf) -> Examination:
    """Build, boot and search every unit of the plan, and write their archives, and then the document about them.

    :param inputs_of: reads what the units are made of; asked before and after, for only what stayed as it was counts.
    :raises SealiftError: what failed, or that files changed meanwhile; then there is no document.
    """
    before = await inputs_of()
    # Without its document, what an earlier run has left there counts for nothing.
    (folder / FILE).unlink(missing_ok=True)
    examination = begin(run.plan)
    images: dict[Unit, Image] = {}

    async def one(unit: Unit) -> None:
        began = time.monotonic()
        await build_one(run, examination, unit)
        digest = examination.digests[unit]
        boots: list[Booted] = []
        jobs = [
            partial(search, run, unit, digest, examination.baked),
            partial(write_archive, run, unit, digest, folder),
        ]
        if run.plan.service(unit.service).boot is not None:
            jobs.append(partial(boot_one, run, examination, unit, boots))
        await together(jobs)
        seconds = round(time.monotonic() - began, 2)
        images[unit] = Image(
            service=unit.service,
            platform=unit.platform,
            digest=digest,
            archive=file_name(unit),
            sha256=await anyio.to_thread.run_sync(archive_hash, folder / file_name(unit)),
            inputs=before[unit],
            bases=await _bases(run, unit),
            boot_ms=boots[0].ms if boots else None,
            seconds=seconds,
            baked=tuple(
                Baked(name=found.package, title=found.title, target=found.target)
                for found in examination.baked.get(unit, ())
            ),
        )

    async with held(run.toolbox):
        await together([partial(start, run.toolbox), *(partial(one, unit) for unit in examination.built)])
    after = await inputs_of()
    if changed := [str(unit) for unit in images if after[unit] != before[unit]]:
        raise ConfigError(
            f"files changed while they were built: {', '.join(changed)}", remedy="build again", step="partial"
        )
    document = await _document(run, [images[unit] for unit in examination.built])
    write_whole(folder / FILE, document.text())
    return examination


async def _bases(run: Run, unit: Unit) -> dict[str, str] | None:
    service = run.plan.service(unit.service)
    try:
        return dict((await digests(run, service, run.made_of(service)))[unit.platform])
    except Unknown:
        return None


async def _document(run: Run, images: list[Image]) -> Partial:
    return Partial(
        format=1,
        run=run.id,
        invocation=run.invocation.id,
        builder=run.invocation.builder,
        project=run.plan.project,
        environment=run.plan.environment,
        commit=run.plan.commit,
        sealift=run.invocation.version,
        engine=await engine.version(run.toolbox),
        engine_platform=await engine.own_platform(run.toolbox),
        images=tuple(images),
    )


def given(client: dagger.Client, parts: Mapping[Unit, Part]) -> dict[Unit, Given]:
    """The images of partials, as a run takes them."""
    return {
        unit: Given(
            digest=Digest(part.image.digest),
            archive=client.host().file(str(part.archive.resolve())),
            boot_ms=part.image.boot_ms,
            seconds=part.image.seconds,
            baked=tuple(baked_secret(found.name, found.title, found.target) for found in part.image.baked),
            bases=part.image.bases,
            engine=part.partial.engine,
            made_by=part.partial.maker,
        )
        for unit, part in parts.items()
    }
