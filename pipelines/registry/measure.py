"""Measure a registry: how fast it answers, what it holds, how the newest releases in it are."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from pipelines.errors import RegistryError
from pipelines.keeping import runs
from pipelines.model import Digest, Platform, Repository, Tag
from pipelines.record import Record
from pipelines.registry.client import Client
from pipelines.registry.concurrent import each
from pipelines.registry.documents import Referrer
from pipelines.registry.survey import Survey, survey
from pipelines.status import LAST_RUNS, ImageState, Pull, RegistryState

_REQUESTS = 5
_UNDER_WAY = timedelta(hours=1)
"""A run that began later may be at work still: it says nothing of success."""
_SIGNED = "https://sigstore.dev/cosign/sign/v1"
_BUNDLE = "application/vnd.dev.sigstore.bundle"


async def measure(
    client: Client,
    services: Sequence[str],
    *,
    now: datetime,
    disk: tuple[int, float] | None = None,
    quota: int | None = None,
    pull_seconds: float | None = None,
) -> RegistryState:
    """Everything about one registry. What is wrong with it is in the answer, and no error.

    :param disk: bytes that it has on its disk, and how full that is, where that can be seen.
    :param quota: bytes that it may hold.
    :param pull_seconds: how long an image may take to be pulled; None: none is.
    """
    state = RegistryState(target=client.target, up=False)
    try:
        state = replace(state, up=True, latency=await _latency(client))
    except RegistryError as failure:
        return replace(state, problem=str(failure))
    try:
        held = await survey(client, () if disk else services, {})
        state = _with_pushes(_with_storage(state, held, disk, quota), held, now)
        newest = _newest(held.records.values(), services)
        images = await each(services, lambda name: _image(client, name, newest.get(name)))
        state = replace(state, services=tuple(images))
        if pull_seconds is not None and (largest := _largest(newest)):
            state = replace(state, pull=await _pull(client, *largest, pull_seconds))
    except RegistryError as failure:
        return replace(state, problem=str(failure))
    return state


async def _latency(client: Client) -> float:
    """Seconds. The first request is left out: it makes the connection, and logs in."""
    await client.ping()
    times = []
    for _ in range(_REQUESTS):
        begun = time.perf_counter()
        await client.ping()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _with_storage(
    state: RegistryState, held: Survey, disk: tuple[int, float] | None, quota: int | None
) -> RegistryState:
    if disk is not None:
        return replace(state, storage=disk[0], on_disk=True, full=disk[0] / quota if quota else disk[1])
    blobs: dict[Digest, int] = {}
    for contents in held.holdings:
        blobs |= contents.weights(contents.manifests)
    total = sum(blobs.values())
    return replace(state, storage=total, full=total / quota if quota else None)


def _with_pushes(state: RegistryState, held: Survey, now: datetime) -> RegistryState:
    ended = [
        item for item in runs(held.told) if item.state not in ("recorded", "moving") or now - item.started > _UNDER_WAY
    ]
    last = ended[:LAST_RUNS]
    return replace(state, runs=len(last), published=sum(item.state == "published" for item in last))


def _newest(records: Iterable[Record], services: Sequence[str]) -> Mapping[str, Record]:
    """Service → the latest published release that it is in."""
    found: dict[str, Record] = {}
    for record in sorted(records, key=lambda item: (item.started, item.id)):
        if record.state == "published":
            found |= dict.fromkeys((name for name in record.lot if name in services), record)
    return found


async def _image(client: Client, name: str, record: Record | None) -> ImageState:
    if record is None:
        return ImageState(service=name)
    sealed = record.lot[name]
    repository = client.target.repository(name)
    digests = [sealed.index, *sealed.platforms.values()]
    signed = await each(digests, lambda digest: is_signed(client, repository, digest))
    units = record.services[name].platforms
    worst: dict[str, int] = {}
    for unit in units.values():
        for severity, count in unit.findings.items():
            worst[severity] = max(count, worst.get(severity, 0))
    own = next((item.version for item in record.plan.services if item.name == name), None)
    return ImageState(
        service=name,
        release=record.id,
        version=own or record.plan.version,
        sizes={Platform(platform): units[platform].size for platform in sorted(units)},
        vulnerabilities=worst if record.database else None,
        scanned=record.started if record.database else None,
        sample=bool((record.database or {}).get("sample")),
        signed=sum(signed),
        signable=len(signed),
    )


async def is_signed(client: Client, repository: Repository, digest: Digest) -> bool:
    """Whether a signature is attached to a digest; it is not verified."""
    for item in await client.referrers(repository, digest):
        if await _is_signature(client, repository, item):
            return True
    old = Tag(digest.replace(":", "-") + ".sig")
    return await client.resolve(repository, old) is not None


async def _is_signature(client: Client, repository: Repository, item: Referrer) -> bool:
    if "cosign" in item.artifact_type and "sig" in item.artifact_type:
        return True
    if not item.artifact_type.startswith(_BUNDLE):
        return False
    notes = item.annotations
    if not notes:
        # Who keeps the list of referrers may leave the annotations out.
        held = await client.manifest(repository, item.digest)
        notes = (held.document.get("annotations") or {}) if held else {}
    content = notes.get("dev.sigstore.bundle.content")
    return content == "message-signature" or notes.get("dev.sigstore.bundle.predicateType") == _SIGNED


def _largest(newest: Mapping[str, Record]) -> tuple[str, Platform, Digest] | None:
    """The largest image of all."""
    sizes = {
        (name, Platform(platform), Digest(unit.digest)): unit.size
        for name, record in newest.items()
        for platform, unit in record.services[name].platforms.items()
    }
    return max(sizes, key=lambda item: (sizes[item], item), default=None)


async def _pull(client: Client, service: str, platform: Platform, digest: Digest, most: float) -> Pull:
    """Fetch a manifest and all its blobs, as an empty machine would; nothing of it is kept."""
    repository = client.target.repository(service)
    begun = time.perf_counter()
    sizes: list[int] = []
    with anyio.move_on_after(most) as bound:
        held = await client.manifest(repository, digest)
        if held is None:
            raise RegistryError(
                f"{repository.at(digest)} of the newest release is not there",
                remedy="release it again, or promote it from where it is",
                service=service,
                step="status",
            )
        sizes = await each(held.blobs, lambda blob: client.download(repository, blob.digest))
    seconds = time.perf_counter() - begun
    return Pull(
        service=service, platform=platform, size=sum(sizes), seconds=seconds, finished=not bound.cancelled_caught
    )
