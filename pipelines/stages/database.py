"""The advisory database: fetched once for the whole run, by digest, or made from the sample in the repository."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import dagger

from pipelines import tools
from pipelines.config import is_loopback
from pipelines.errors import ToolError
from pipelines.model import Database, Repository
from pipelines.stages.toolbox import TARGET_ALIAS, Toolbox, engine_error, last_words

# The date of the newest advisory in the sample; it does not change by itself.
SAMPLE_UPDATED = "2024-12-01T00:00:00Z"
_ATTEMPT_SECONDS = "20s"


@dataclass(frozen=True, kw_only=True)
class Advisories:
    """The database's folder, as Trivy has it below its cache, and what is known of it."""

    folder: dagger.Directory
    database: Database


async def advisories(
    toolbox: Toolbox, reference: str, *, max_age: timedelta, sample_allowed: bool, now: datetime
) -> Advisories:
    """Fetch the database that the reference names; where none can be had, make the sample if that is allowed.

    :param reference: OCI artifact, `registry/path:tag`.
    :raises ToolError: it cannot be had, or is older than `max_age`.
    """
    try:
        found = await _fetch(toolbox, reference)
    except ToolError as failure:
        if not sample_allowed:
            raise
        return await _sample(toolbox, str(failure.what))
    age = now - found.database.updated
    if age > max_age:
        raise ToolError(
            f"the advisory database {reference} is of {found.database.updated:%Y-%m-%d %H:%M} UTC,"
            f" {age.total_seconds() / 3600:.0f} hours old; at most {max_age.total_seconds() / 3600:.0f} are allowed",
            remedy="refresh the mirror that serves it, or raise database.max_age_hours in sealift.yaml",
            step="database",
        )
    return found


_DOWNLOAD = ("image", "--download-db-only", "--quiet", "--no-progress", "--skip-version-check", "--cache-dir=/trivy")


async def _fetch(toolbox: Toolbox, reference: str) -> Advisories:
    registry, _, rest = reference.partition("/")
    path, _, tag = rest.partition(":")
    insecure = is_loopback(registry)
    repository = Repository(registry=registry, path=path)
    address = toolbox.reach(repository)
    hosts = (toolbox.reach_host(registry),) if insecure else ()
    try:
        digest = (
            await toolbox.outward(toolbox.regctl(insecure=hosts))
            .with_exec(["manifest", "head", f"{address}:{tag or '2'}"], use_entrypoint=True)
            .stdout()
        ).strip()
        trivy = toolbox.tool(tools.TRIVY).with_directory("/trivy", toolbox.client.directory())
        if insecure and toolbox.target is not None:
            trivy = trivy.with_service_binding(TARGET_ALIAS, toolbox.target)
        # No per-run value here: the digest says it all, so the same database is fetched once.
        args = [*_DOWNLOAD, f"--db-repository={address}@{digest}", *(["--insecure"] if insecure else [])]
        folder = trivy.with_exec(args, use_entrypoint=True).directory("/trivy/db")
        metadata = await folder.file("metadata.json").contents()
    except dagger.ExecError as failure:
        raise ToolError(
            f"the advisory database {reference} cannot be had: {last_words(failure, lines=2)}",
            remedy="check the network, or set database.repository in sealift.yaml to a mirror that can be reached",
            step="database",
        ) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="database") from failure
    updated = _updated(metadata)
    return Advisories(
        folder=folder, database=Database(reference=reference, digest=digest, updated=updated, sample=False)
    )


def _updated(metadata: str) -> datetime:
    try:
        content: dict[str, Any] = json.loads(metadata)
        if content["Version"] != 2:
            raise ValueError(f"version {content['Version']!r}")
        return datetime.fromisoformat(content["UpdatedAt"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(
            f"the advisory database's metadata is not readable: {error!r}",
            remedy="fetch the database again, or name another one",
            step="database",
        ) from error


async def _sample(toolbox: Toolbox, why: str) -> Advisories:
    """Build the sample from `pipelines/advisories`, with the Go module that is beside it."""
    folder = toolbox.client.directory()
    root = resources.files("pipelines.advisories")
    names = []
    for name in ("go.mod", "go.sum", "main.go"):
        folder = folder.with_new_file(name, root.joinpath(name).read_text(encoding="utf-8"))
    for entry in sorted(root.joinpath("data").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            names.append(f"data/{entry.name}")
            folder = folder.with_new_file(names[-1], entry.read_text(encoding="utf-8"))
    out = (
        toolbox.client.container()
        .from_(tools.GO.image)
        .with_mounted_cache("/go/pkg/mod", toolbox.client.cache_volume("sealift-go-mod"))
        .with_directory("/src", folder)
        .with_workdir("/src")
        .with_env_variable("CGO_ENABLED", "0")
        .with_exec(["go", "run", "-mod=readonly", ".", f"-updated={SAMPLE_UPDATED}", "/db", *names])
        .directory("/db")
    )
    try:
        digest = await out.digest()
    except dagger.ExecError as failure:
        raise ToolError(
            f"the sample database cannot be made: {last_words(failure)}; it is wanted because {why}",
            remedy="mend the network, so that the public database can be had",
            step="database",
        ) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, step="database") from failure
    updated = datetime.fromisoformat(SAMPLE_UPDATED)
    return Advisories(
        folder=out,
        database=Database(reference="sample", digest=digest.rpartition("@")[2], updated=updated, sample=True),
    )
