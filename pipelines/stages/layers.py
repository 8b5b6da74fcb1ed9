"""Images in the quarantine, written anew so that they do not say when they were built; and what differs between two."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import resources

import dagger

from pipelines import tools
from pipelines.difference import Changed
from pipelines.errors import RegistryError, ToolError
from pipelines.model import OCI, Digest, Target, Unit
from pipelines.plan import ServicePlan
from pipelines.registry.answers import remedy
from pipelines.stages.failures import engine_error
from pipelines.stages.regctl import said
from pipelines.stages.toolbox import QUARANTINE, QUARANTINED, Toolbox, run

_BASE = "/sealift/base.tar"


def made_at(service: ServicePlan) -> datetime:
    """The time that everything in the service's image has: that of its label `created`.

    It is that of the commit which last changed the service, so that other commits do not change the image.
    """
    return datetime.fromisoformat(service.labels[f"{OCI}created"])


async def normalise(
    toolbox: Toolbox,
    unit: Unit,
    built: Digest,
    *,
    base: dagger.Container | str | None,
    created: datetime,
    steps: Sequence[str],
) -> Digest:
    """Write an image anew, and put it into the quarantine; the digest that counts from then on.

    What its base brought stays. Of all else, times are set to the commit's, and names of owners are left out.

    :param built: what the engine published.
    :param base: the image that it stands on, of the same platform; by its reference, if it is in the quarantine.
    :param steps: instructions of the Dockerfile that make layers, in order, for the history.
    :raises ToolError: the image cannot be read or put.
    """
    where = {"service": unit.service, "platform": unit.platform, "step": "normalise"}
    args = [f"{QUARANTINE}/{unit.service}", built, unit.platform.slug]
    args += [str(int(created.timestamp())), f"{created.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", json.dumps(steps)]
    container = _program(toolbox)
    if isinstance(base, str):
        args.append(base)
    elif base is not None:
        container = container.with_mounted_file(_BASE, base.as_tarball())
        args.append(_BASE)
    # With another quarantine than that of the answer, the engine must not answer from its cache.
    container = container.with_env_variable("SEALIFT_QUARANTINE", await _generation(toolbox, where))
    return Digest((await run(container, ["normalise", *args], error=ToolError, **where)).strip())


async def _generation(toolbox: Toolbox, where: Mapping[str, str]) -> str:
    """What names the quarantine's volume for as long as it is not emptied; asked once in a run."""
    container = (
        _with_program(toolbox, toolbox.client.container().from_(toolbox.image(tools.PROBE)))
        .with_mounted_cache("/quarantine", toolbox.quarantine_volume)
        .with_env_variable("SEALIFT_RUN", toolbox.run)
    )
    args = ["generation", "/quarantine/sealift-generation"]
    return (await toolbox.once("generation", partial(run, container, args, error=ToolError, **where))).strip()


async def first_differences(
    toolbox: Toolbox, service: str, pairs: Sequence[tuple[str, str]], *, source: Target
) -> list[Changed | None]:
    """The first entry that differs in each pair of layers; None for two that only are compressed differently.

    :param pairs: digests of layers; the second of each is in the quarantine.
    :param source: registry that has the first of each.
    :raises RegistryError: a layer cannot be fetched.
    """
    if not pairs:
        return []
    sources = [] if source == QUARANTINED else [source]
    args = ["compare", toolbox.at(source, service), f"{QUARANTINE}/{service}", *(",".join(pair) for pair in pairs)]
    try:
        found = json.loads(await _program(toolbox, *sources).with_exec(args, use_entrypoint=True).stdout())
    except dagger.ExecError as failure:
        raise RegistryError(said(failure), remedy=remedy(said(failure)), service=service, step="compare") from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, service=service, step="compare") from failure
    return [
        Changed(path=item["path"], what=tuple((name, old, new) for name, old, new in item["what"])) if item else None
        for item in found
    ]


def _program(toolbox: Toolbox, *sources: Target) -> dagger.Container:
    """Python with regctl and the program in it. What it is asked decides about its answer, so it may be cached."""
    regctl = toolbox.client.container().from_(toolbox.image(tools.REGCTL)).file("/regctl")
    container = toolbox.with_regctl(tools.PROBE, *sources).with_file("/usr/local/bin/regctl", regctl)
    return _with_program(toolbox, container)


def _with_program(toolbox: Toolbox, container: dagger.Container) -> dagger.Container:
    files = toolbox.client.directory().with_new_file("pipelines/__init__.py", "")
    for file in resources.files("pipelines.layers").iterdir():
        if file.is_file():
            files = files.with_new_file(f"pipelines/layers/{file.name}", file.read_text(encoding="utf-8"))
    return (
        container.with_directory("/sealift/program", files)
        .with_env_variable("PYTHONPATH", "/sealift/program")
        .with_env_variable("PYTHONDONTWRITEBYTECODE", "1")
        .with_entrypoint(["python3", "-m", "pipelines.layers"])
    )
