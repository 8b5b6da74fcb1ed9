"""SLSA provenance of an index: what it was built from, by which parameters, and in which run. Pure.

https://slsa.dev/provenance/v1. docs/provenance.md says what each field holds, and is what `BUILD_TYPE` means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pipelines.descriptors import as_digest_set, file, image
from pipelines.invocation import Invocation, Maker
from pipelines.lock import FILE as LOCK
from pipelines.model import OCI, Database, Digest, Platform
from pipelines.plan import Plan, ServicePlan

BUILD_TYPE: Final = "https://github.com/sealift/sealift/blob/main/docs/provenance.md#build-type-v1"


@dataclass(frozen=True, kw_only=True)
class Base:
    """An image that a Dockerfile names.

    :param platform: that it was taken for.
    """

    reference: str
    platform: Platform
    digest: str


@dataclass(frozen=True, kw_only=True)
class Materials:
    """What an image was made from and with, all by digest.

    :param bases: of all stages.
    :param whole: false if the Dockerfile names images by what only its build knows, and they are not all here.
    :param needs: services that it stands on → platform → the digest of its image.
    :param tools: name → image, by tag and digest.
    :param database: that it was scanned with; None if it was not.
    """

    bases: Sequence[Base]
    whole: bool
    needs: Mapping[str, Mapping[Platform, Digest]]
    tools: Mapping[str, str]
    database: Database | None


def provenance(
    plan: Plan,
    service: ServicePlan,
    materials: Materials,
    *,
    invocation: Invocation,
    options: Mapping[str, bool],
    engine: str,
    run: str,
    started: datetime,
    finished: datetime,
    makers: Mapping[Platform, Maker] = MappingProxyType({}),
) -> dict[str, Any]:
    """The predicate.

    :param options: how the run differs from an ordinary one.
    :param engine: version of the engine.
    :param run: the run's id.
    :param makers: platform → the run that built its image for this one, where another did.
    """
    built = {"builtBy": {platform: maker.as_json() for platform, maker in makers.items()}} if makers else {}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": _asked(plan, service, invocation, options),
            "internalParameters": {"allBases": materials.whole, **invocation.platform, **built},
            "resolvedDependencies": list(_resolved(plan, service, materials, invocation)),
        },
        "runDetails": {
            "builder": {"id": invocation.builder, "version": {"sealift": invocation.version, "dagger": engine}},
            "metadata": {
                "invocationId": invocation.id or run,
                "startedOn": _time(started),
                "finishedOn": _time(finished),
            },
        },
    }


def _asked(plan: Plan, service: ServicePlan, invocation: Invocation, options: Mapping[str, bool]) -> dict[str, Any]:
    planned = service.as_json()
    same = ("context", "dockerfile", "target", "args", "secrets", "platforms", "needs", "version", "boot")
    return {
        "configuration": [
            {"name": name, "digest": as_digest_set(digest)} for name, digest in sorted(invocation.files.items())
        ],
        "project": plan.project,
        "environment": plan.environment,
        "service": service.name,
        **{key: planned[key] for key in same},
        "tags": [item.tag for item in service.tags],
        "tagPrefix": plan.tag_prefix,
        "given": {name: origin for name, origin in plan.origins.items() if origin in ("flag", "environment")},
        "options": dict(options),
    }


def _resolved(
    plan: Plan, service: ServicePlan, materials: Materials, invocation: Invocation
) -> Iterator[dict[str, Any]]:
    yield _source(plan, service, invocation)
    for base in materials.bases:
        yield image(base.reference, base.digest, role="base", platform=base.platform)
    for need, digests in materials.needs.items():
        for platform, digest in digests.items():
            yield image(str(plan.service(need).repository), digest, role="service", service=need, platform=platform)
    for name, reference in materials.tools.items():
        yield image(reference, reference.partition("@")[2], role="tool", tool=name)
    if (database := materials.database) is not None:
        if database.sample:
            yield file(database.reference, database.digest, role="database")
        else:
            yield image(database.reference, database.digest, role="database")
    if lock := invocation.files.get(LOCK):
        yield file(LOCK, lock, role="lock")


def _source(plan: Plan, service: ServicePlan, invocation: Invocation) -> dict[str, Any]:
    """The commit. What is not in it is said: then the commit is not all that the image was made from."""
    url = invocation.repository or service.labels.get(f"{OCI}source")
    uri = {"uri": f"git+{url}" + (f"@{invocation.ref}" if invocation.ref else "")} if url else {}
    changed = {"changed": True} if service.dirty else {}
    return {"name": "source", **uri, "digest": {"gitCommit": plan.commit}, "annotations": {"role": "source", **changed}}


def _time(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
