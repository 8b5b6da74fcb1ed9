"""The documents that a run attests to an image, of every kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagger

from pipelines.findings import excused, used_vex
from pipelines.graph.context import Run
from pipelines.graph.examination import Examination
from pipelines.graph.keys import builds_on, digests
from pipelines.invocation import Invocation
from pipelines.key import Ingredients, Unknown
from pipelines.model import OCI, Platform, Sealed, Unit
from pipelines.plan import ServicePlan
from pipelines.predicates import CYCLONEDX, SCAN, SPDX
from pipelines.provenance import Base, Materials, provenance
from pipelines.scan_result import scan_result
from pipelines.stages import engine, sbom

Document = dagger.File | str

_SBOMS = {SPDX.kind: sbom.SPDX, CYCLONEDX.kind: sbom.CYCLONEDX}


async def documents(
    run: Run, examination: Examination, one: Sealed, unit: Unit | None, kind: str
) -> Sequence[Document]:
    """What is attested of this kind, JSON. Of what another run has built there is no provenance: it alone knows how.

    :param unit: None for the index, to which provenance alone is attested.
    """
    if unit is None:
        return () if examination.reuses(one.service) else [_text(await _provenance(run, examination, one))]
    if kind in _SBOMS:
        return [examination.sboms[unit].files.file(_SBOMS[kind])]
    if kind == SCAN.kind:
        return [_text(_scan(run, examination, unit, await _signed(run)))]
    vex = used_vex(run.plan.rules, examination.of(one.service))
    return [document.text for document in vex if document.predicate.kind == kind]


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


async def _signed(run: Run) -> Invocation:
    return run.invocation.by((await run.signer()).workflow)


def _scan(run: Run, examination: Examination, unit: Unit, invocation: Invocation) -> dict[str, Any]:
    examined = examination.examined[unit]
    assert examined.scan is not None and examination.found is not None  # noqa: S101 - else it is not demanded
    return scan_result(
        examined.scan,
        excused=excused(run.plan, [examined]),
        rules=run.plan.rules,
        database=examination.found.database,
        scanner=examination.tools["trivy"],
        run=run.id,
        invocation=invocation,
    )


async def _provenance(run: Run, examination: Examination, one: Sealed) -> dict[str, Any]:
    service = run.plan.service(one.service)
    bases, whole = await _bases(run, examination, service)
    return provenance(
        run.plan,
        service,
        Materials(
            bases=bases,
            whole=whole,
            needs={
                need: {
                    platform: examination.digests[Unit(service=need, platform=platform)] for platform in one.platforms
                }
                for need in service.needs
            },
            tools=examination.tools,
            database=examination.found.database if examination.found else None,
        ),
        invocation=await _signed(run),
        options=asdict(run.options),
        engine=await engine.version(run.toolbox),
        run=run.id,
        started=run.started,
        finished=run.clock(),
        makers={
            unit.image.unit.platform: unit.made_by for unit in examination.of(one.service) if unit.made_by is not None
        },
    )


async def _bases(run: Run, examination: Examination, service: ServicePlan) -> tuple[Sequence[Base], bool]:
    """The images that the Dockerfile names; if they cannot be told, those that the images say they stand on."""
    made_of = examination.reuse.read.get(service.name) if examination.reuse else None
    try:
        if isinstance(made_of, Ingredients):
            return await _named(run, service, made_of), True
    except Unknown:
        pass
    said = [(unit.image.unit.platform, unit.image.labels) for unit in examination.of(service.name)]
    return [
        Base(reference=labels[f"{OCI}base.name"], platform=platform, digest=labels[f"{OCI}base.digest"])
        for platform, labels in said
        if labels.get(f"{OCI}base.name", "") not in ("", *service.needs)
    ], False


async def _named(run: Run, service: ServicePlan, made_of: Ingredients) -> Sequence[Base]:
    found = await digests(run, service, made_of)
    own = {platform: await builds_on(run, service.name, platform) for platform in made_of.images}
    bases = {
        Base(
            reference=image.reference,
            platform=platform if image.platform is None else Platform(image.platform or own[platform]),
            digest=found[platform][str(image)],
        )
        for platform, images in made_of.images.items()
        for image in images
    }
    return sorted(bases, key=lambda base: (base.reference, base.platform))
