"""What a run left in its folder, and what is attested to the images of a release: what `pipelines.delta` compares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.delta import Seen
from pipelines.difference import Contents
from pipelines.errors import ConfigError, RegistryError, SealiftError, SigningError
from pipelines.graph.context import Session
from pipelines.graph.quarantine import held
from pipelines.graph.rescan import attested
from pipelines.graph.together import together
from pipelines.model import Digest, Finding, Severity, Target, Unit
from pipelines.predicates import SCAN, SPDX
from pipelines.record import Record, Service
from pipelines.stages import scan
from pipelines.stages.attested import Proof
from pipelines.stages.inspect import CONFIG, MANIFEST
from pipelines.stages.sbom import SPDX as SPDX_FILE
from pipelines.stages.sbom import read_packages
from pipelines.statements import newest_scan


def here(out: Path, record: Record, unit: Unit) -> Seen:
    """An image of a run, by the reports beside its record.

    :raises ConfigError: they are not there, or not those of this run.
    """
    folder = out / "reports" / unit.service / unit.platform.slug
    service = record.services[unit.service]
    digest = Digest(service.platforms[unit.platform].digest)
    try:
        manifest = (folder / MANIFEST).read_bytes()
        if f"sha256:{hashlib.sha256(manifest).hexdigest()}" != digest:
            raise ValueError(f"{MANIFEST} is of another image than {digest}")
        found = folder / scan.JSON
        return _seen(
            service,
            unit,
            contents=Contents(manifest=json.loads(manifest), config=json.loads((folder / CONFIG).read_bytes())),
            spdx=(folder / SPDX_FILE).read_text(encoding="utf-8"),
            findings=scan.findings_in(json.loads(found.read_bytes())) if found.exists() else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SealiftError) as error:
        raise ConfigError(
            f"the reports in {folder} cannot be compared: {error}",
            remedy="run 'sealift build-all' with this version again, or name its folder with --out",
            step="delta",
        ) from error


async def released(
    session: Session, target: Target, wanted: Mapping[str, Record], units: Sequence[Unit]
) -> dict[Unit, Seen]:
    """The images of releases, by what is attested to them where they are. Nothing of the images is pulled.

    :param wanted: service → the record of its release.
    :raises SigningError: an SBOM, or a scan that has to be there, does not verify; all of them are named.
    :raises RegistryError: the registry does not show them.
    """
    found: dict[Unit, Seen] = {}
    refused: list[str] = []

    async def service(name: str) -> None:
        mine = [unit for unit in units if unit.service == name]
        refused.extend(await _service(session, target, wanted[name], mine, found))

    async with held(session.toolbox):
        await together(partial(service, name) for name in dict.fromkeys(unit.service for unit in units))
    if refused:
        raise SigningError(
            "what is attested to the release does not verify:\n    " + "\n    ".join(sorted(refused)),
            remedy="do not use these images; 'sealift verify' says all that is wrong with them",
            step="verify",
        )
    return found


async def _service(
    session: Session, target: Target, record: Record, units: Sequence[Unit], found: dict[Unit, Seen]
) -> list[str]:
    """Put a service's images into `found`; what does not verify of them, if anything does not."""
    name = units[0].service
    whole = record.lot[name]
    platforms = {unit.platform: whole.platforms[unit.platform] for unit in units}
    sealed = replace(whole, platforms=platforms)
    async with session.step("verify", name, at=target):
        sboms = await attested(session, target, sealed, SPDX.kind)
        scans = await attested(session, target, sealed, SCAN.kind) if SCAN.kind in whole.attested else {}
    refused = [
        f"{name} {platform}: {kind[digest].objection}"
        for platform, digest in platforms.items()
        for kind in (sboms, scans)
        if digest in kind and kind[digest].objection is not None
    ]
    for unit in [] if refused else units:
        digest = platforms[unit.platform]
        contents = await _contents(session, target, unit, digest)
        found[unit] = _attested(record.services[name], unit, contents, sboms[digest], scans.get(digest))
    return refused


async def _contents(session: Session, target: Target, unit: Unit, digest: Digest) -> Contents:
    registry, repository = session.registries(target), target.repository(unit.service)
    manifest = await registry.manifest(repository, digest)
    config = await registry.blob(repository, manifest.blobs[0].digest) if manifest and manifest.blobs else None
    if manifest is None or config is None:
        raise RegistryError(
            f"{repository.at(digest)} is not there, or not whole",
            remedy="compare with another release: --against VERSION",
            service=unit.service,
            platform=unit.platform,
            step="delta",
        )
    return Contents(manifest=manifest.document, config=config.document)


def _attested(service: Service, unit: Unit, contents: Contents, sbom: Proof, last: Proof | None) -> Seen:
    try:
        if not sbom.statements:
            raise ValueError("the SBOM is about another image")
        newest = newest_scan(last.statements) if last else None
        return _seen(
            service,
            unit,
            contents=contents,
            spdx=json.dumps(sbom.statements[-1].predicate),
            findings=_findings(newest.predicate) if newest else None,
        )
    except (ValueError, KeyError, TypeError, SealiftError) as error:
        raise SigningError(
            f"what is attested to {unit} cannot be read: {error}", remedy="publish the image again", step="verify"
        ) from error


def _findings(predicate: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What an attested scan found (`pipelines.scan_result`)."""
    return tuple(
        Finding(
            id=str(item["id"]), package=str(item["package"]), installed=str(item["installed"]), fixed=item["fixed"],
            severity=Severity[item["severity"]], title="", target=str(item["target"]), kind=str(item["kind"]),
        )
        for item in predicate["scanner"]["result"]["findings"]
    )  # fmt: skip


def _seen(service: Service, unit: Unit, *, contents: Contents, spdx: str, findings: tuple[Finding, ...] | None) -> Seen:
    one = service.platforms[unit.platform]
    return Seen(
        digest=Digest(one.digest),
        size=one.size,
        seconds=one.seconds,
        made=one.made(service.reused),
        contents=contents,
        packages=read_packages(spdx, {"service": unit.service, "platform": unit.platform, "step": "delta"}),
        findings=findings,
    )
