"""The advisory database: fetched once for the whole run, by digest, or made from the sample in the repository."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import anyio
import dagger

from pipelines import tools
from pipelines.config import is_loopback
from pipelines.errors import RegistryError, ToolError
from pipelines.model import Database, Digest, Repository, Tag, Target
from pipelines.registry.answers import Meaning, meaning, remedy
from pipelines.registry.clients import Clients
from pipelines.registry.retry import retried_at_first
from pipelines.stages.canary import prove
from pipelines.stages.failures import engine_error, last_words, message
from pipelines.stages.quarantine_service import own_volume
from pipelines.stages.toolbox import Toolbox, alias

# The date of the newest advisory in the sample; it does not change by itself.
SAMPLE_UPDATED = "2024-12-01T00:00:00Z"
_CLOCKS_DIFFER = timedelta(hours=1)
"""How far the clocks of those who make a database and those who use it may be apart."""
_FETCH_AGAIN = "let the mirror that serves it fetch it again, or name another one with database.repository"


@dataclass(frozen=True, kw_only=True)
class Advisories:
    """The database's folder, as Trivy has it below its cache, and what is known of it."""

    folder: dagger.Directory
    database: Database


async def advisories(
    toolbox: Toolbox,
    registries: Clients,
    reference: str,
    *,
    max_age: timedelta,
    sample_allowed: bool,
    now: datetime,
) -> Advisories:
    """Fetch the database that the reference names; where its registry cannot be reached, make the sample if allowed.

    A registry that answers, but has no database, or one that is broken or old, never leads to the sample.

    :param reference: OCI artifact, `registry/path:tag`.
    :raises ToolError: it cannot be had, cannot be read, or is older than `max_age`; or, by `now`, not yet made.
    """
    try:
        digest = await _digest(registries, reference)
    except RegistryError as failure:
        if sample_allowed and meaning(failure.what) is Meaning.UNREACHABLE:
            return await sample_advisories(toolbox, failure.what)
        raise _cannot_be_had(reference, failure) from failure
    try:
        folder, metadata = await _download(toolbox, reference, digest)
    except RegistryError as failure:
        raise _cannot_be_had(reference, failure) from failure
    database = Database(reference=reference, digest=digest, updated=_updated(metadata), sample=False)
    _check_age(database, max_age, now)
    await prove(toolbox, folder, reference)
    return Advisories(folder=folder, database=database)


def _cannot_be_had(reference: str, failure: RegistryError) -> ToolError:
    remedies = {
        Meaning.UNREACHABLE: "check the network, or set database.repository in sealift.yaml to a mirror in reach",
        Meaning.NOT_FOUND: "check database.repository in sealift.yaml, and that the mirror has it",
        Meaning.OTHER: _FETCH_AGAIN,
    }
    return ToolError(
        f"the advisory database {reference} cannot be had: {failure.what}",
        remedy=remedies.get(meaning(failure.what), failure.remedy),
        step="database",
    )


def _check_age(database: Database, max_age: timedelta, now: datetime) -> None:
    age = now - database.updated
    if age < -_CLOCKS_DIFFER:
        # By a clock that is slow, no database is ever too old.
        raise ToolError(
            f"the advisory database {database.reference} is of {database.updated:%Y-%m-%d %H:%M} UTC, and this"
            f" machine's clock says {now:%Y-%m-%d %H:%M} UTC: its age cannot be told",
            remedy="set this machine's clock; if it is right, let the mirror that serves the database fetch it again",
            step="database",
        )
    if age > max_age:
        raise ToolError(
            f"the advisory database {database.reference} is of {database.updated:%Y-%m-%d %H:%M} UTC,"
            f" {age.total_seconds() / 3600:.0f} hours old; at most {max_age.total_seconds() / 3600:.0f} are allowed",
            remedy="refresh the mirror that serves it, or raise database.max_age_hours in sealift.yaml",
            step="database",
        )


def _parts(reference: str) -> tuple[Repository, str]:
    registry, _, rest = reference.partition("/")
    path, _, tag = rest.partition(":")
    return Repository(registry=registry, path=path), tag or "2"


async def _digest(registries: Clients, reference: str) -> Digest:
    """The digest that the reference has now."""
    repository, tag = _parts(reference)
    target = Target(registry=repository.registry, insecure=is_loopback(repository.registry))
    digest = await registries(target).look_up(repository, Tag(tag))
    if digest is None:
        raise RegistryError(f"{repository}:{tag} is not there [http 404]", remedy=Meaning.NOT_FOUND.value)
    return digest


DOWNLOAD_SECONDS = 600
"""For the database, under 100 MB: Trivy waits for ever where the way to a loopback registry loses a reset."""
_DOWNLOAD = ("image", "--download-db-only", "--quiet", "--no-progress", "--skip-version-check", "--cache-dir=/trivy")


@retried_at_first
async def _download(toolbox: Toolbox, reference: str, digest: str) -> tuple[dagger.Directory, str]:
    """The database's folder, and the text of its `metadata.json`."""
    repository, _ = _parts(reference)
    insecure = is_loopback(repository.registry)
    trivy = toolbox.tool(tools.TRIVY).with_directory("/trivy", toolbox.client.directory())
    if tunnel := toolbox.tunnels.get(repository.registry):
        trivy = trivy.with_service_binding(alias(repository.registry), tunnel)
    # No per-run value here: the digest says it all, so the same database is fetched once.
    args = [*_DOWNLOAD, f"--db-repository={toolbox.reach(repository)}@{digest}", *(["--insecure"] if insecure else [])]
    folder = trivy.with_exec(args, use_entrypoint=True).directory("/trivy/db")
    try:
        with anyio.fail_after(DOWNLOAD_SECONDS):
            return folder, await folder.file("metadata.json").contents()
    except TimeoutError as failure:
        said = f"{repository.registry}: no final answer within {DOWNLOAD_SECONDS} s"
        # Not tried again: the engine would answer the same question with the end of the one that was given up.
        raise _cannot_be_had(reference, RegistryError(said, remedy=remedy(said))) from failure
    except dagger.ExecError as failure:
        said = last_words(failure, lines=2)
        raise RegistryError(said, remedy=remedy(said), step="database") from failure
    except dagger.QueryError as failure:
        if "no such file" not in message(failure):
            raise engine_error(failure, step="database") from failure
        raise _unreadable("there is none") from failure


def _updated(metadata: str) -> datetime:
    try:
        content: dict[str, Any] = json.loads(metadata)
        if content["Version"] != 2:
            raise ValueError(f"version {content['Version']!r}")
        return datetime.fromisoformat(content["UpdatedAt"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(repr(error)) from error


def _unreadable(why: str) -> ToolError:
    return ToolError(
        f"the advisory database's metadata is not readable: {why}",
        remedy=_FETCH_AGAIN,
        step="database",
    )


async def sample_advisories(toolbox: Toolbox, why: str) -> Advisories:
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
        .from_(toolbox.image(tools.GO))
        .with_mounted_cache("/go/pkg/mod", own_volume(toolbox.client, "sealift-go-mod"))
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
