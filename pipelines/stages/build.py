"""Build one unit and put it into the quarantine."""

from __future__ import annotations

from collections.abc import Mapping

import dagger

from pipelines.dockerfile import NO_CACHE_ARG, with_own_caches, without_cache
from pipelines.dockerfile_images import arguments, pinned
from pipelines.dockerfile_steps import steps_of
from pipelines.errors import BuildError
from pipelines.malicious import malicious_digest
from pipelines.model import OCI, Digest, Platform, Unit
from pipelines.plan import ServicePlan
from pipelines.stages.engine import own_platform
from pipelines.stages.failures import engine_error, last_words
from pipelines.stages.layers import made_at
from pipelines.stages.toolbox import Toolbox, for_engine, kept_as, quarantined

_CHANGED = ".sealift.Dockerfile"


async def build(
    toolbox: Toolbox,
    source: dagger.Directory,
    service: ServicePlan,
    platform: Platform,
    *,
    bases: Mapping[str, Digest],
    pins: Mapping[str, Digest],
    secrets: Mapping[str, dagger.Secret],
    no_cache: bool,
    caches: str,
) -> dagger.Container:
    """The unit's container, built, with its labels and annotations.

    :param bases: digest of this platform's image of every service that this one is built on.
    :param pins: image as the Dockerfile has it → the digest that it is built on, whatever the name stands for now.
    :param no_cache: run every step again.
    :param caches: before the name of each cache mount.
    :raises BuildError: the Dockerfile does not build.
    """
    try:
        base_labels = await _base_labels(toolbox, service, platform, {**pins, **bases})
        context, dockerfile = await _context(source, service, platform, pins, no_cache=no_cache, caches=caches)
        args = await _build_args(toolbox, service, bases, fresh=f"{toolbox.run}{caches}" if no_cache else None)
        container = context.docker_build(
            dockerfile=dockerfile,
            platform=dagger.Platform(platform),
            build_args=[dagger.BuildArg(name=name, value=value) for name, value in args.items()],
            target=service.target or "",
            secrets=list(secrets.values()),
        )
        # The engine takes what an ARG says into the image's own environment.
        container = container.without_env_variable(NO_CACHE_ARG)
        for name, value in {**service.labels, **base_labels}.items():
            container = container.with_label(name, value).with_annotation(name, value)
        built = await container.sync()
        made = await built.platform()
    except dagger.QueryError as failure:
        raise _failed(service, platform, failure) from failure
    if str(made) != str(platform):
        # The engine takes `FROM scratch` for its own platform, whatever was asked for (0.21.8).
        raise BuildError(
            f"the engine built it for {made}, and so it would be published under the wrong platform",
            remedy=f"name a base image that has {platform} in the last FROM of {service.context / service.dockerfile}",
            service=service.name,
            platform=platform,
            step="build",
        )
    return built


async def steps(source: dagger.Directory, service: ServicePlan, platform: Platform) -> list[str]:
    """The instructions of the service's Dockerfile that make its layers."""
    text = await source.file(str(service.context / service.dockerfile)).contents()
    given = arguments(service.args, service.needs)
    return steps_of(text, args=given, target=service.target, platform=platform)


def _failed(service: ServicePlan, platform: Platform, failure: dagger.QueryError) -> BuildError:
    """A command of the Dockerfile failed, or else something about its bases or its text."""
    where = {"service": service.name, "platform": platform, "step": "build"}
    dockerfile = service.context / service.dockerfile
    if isinstance(failure, dagger.ExecError):
        command = " ".join(failure.command)
        return BuildError(
            f"'{_shortened(command)}' ended with exit code {failure.exit_code}:\n    {last_words(failure, lines=12)}",
            remedy=f"mend {dockerfile} or what it copies, and build again",
            **where,
        )
    return BuildError(
        str(failure).strip(),
        remedy=f"check {dockerfile}, the images its FROM lines name, and the network",
        **where,
    )


async def quarantine(toolbox: Toolbox, container: dagger.Container, unit: Unit) -> Digest:
    """Publish a built container to the quarantine; the digest of its manifest, which `normalise` is given.

    The tag only keeps the manifest from being collected; nothing is ever asked for by it.
    """
    address = kept_as(unit.service, f"built-{unit.platform.slug}")
    try:
        await toolbox.admitted()
        published = await container.publish(address, registry_service=toolbox.quarantine)
    except dagger.QueryError as failure:
        raise engine_error(failure, service=unit.service, platform=unit.platform, step="quarantine") from failure
    return Digest(published.rpartition("@")[2])


async def by_digest(toolbox: Toolbox, unit: Unit, digest: Digest) -> dagger.Container:
    """The container of a digest in the quarantine, fetched, so that a Dockerfile may stand on it by that digest."""
    platform = dagger.Platform(unit.platform)
    container = toolbox.client.container(platform=platform).from_(
        for_engine(unit.service, digest), registry_service=toolbox.quarantine
    )
    try:
        await toolbox.admitted()
        return await container.sync()
    except dagger.QueryError as failure:
        raise engine_error(failure, service=unit.service, platform=unit.platform, step="quarantine") from failure


def _shortened(command: str, limit: int = 160) -> str:
    return command if len(command) <= limit else command[: limit - 1] + "…"


async def _context(
    source: dagger.Directory,
    service: ServicePlan,
    platform: Platform,
    pins: Mapping[str, Digest],
    *,
    no_cache: bool,
    caches: str,
) -> tuple[dagger.Directory, str]:
    """The build context, and the path in it of the Dockerfile, changed as the engine has no switches for it.

    One that is changed stands beside the repository's own and is not sent: what `COPY . .` copies stays the same.
    """
    context = source.directory(str(service.context))
    path = str(service.dockerfile)
    written = await context.file(path).contents()
    text = pinned(written, args=arguments(service.args, service.needs), platform=platform, digests=pins)
    text = with_own_caches(without_cache(text) if no_cache else text, caches)
    if text == written:
        return context, path
    ignored = ""
    for name in (f"{path}.dockerignore", ".dockerignore"):
        if not ignored and await context.exists(name):
            ignored = await context.file(name).contents()
    ignored += f"\n{_CHANGED}\n{_CHANGED}.dockerignore\n"
    return context.with_new_file(_CHANGED, text).with_new_file(f"{_CHANGED}.dockerignore", ignored), _CHANGED


async def _build_args(
    toolbox: Toolbox, service: ServicePlan, bases: Mapping[str, Digest], *, fresh: str | None
) -> dict[str, str]:
    """The user's arguments, the bases, the build platform, and the time for what a build writes.

    The engine takes `BUILDPLATFORM` for the target platform unless told; every compile step would run emulated.
    `SOURCE_DATE_EPOCH` (reproducible-builds.org) reaches the steps of a Dockerfile that declares it.

    :param fresh: what no build had before, so that every step runs again.
    """
    engine = await own_platform(toolbox)
    args = {"SOURCE_DATE_EPOCH": str(int(made_at(service).timestamp())), **service.args}
    args |= {"BUILDPLATFORM": engine, "BUILDOS": "linux", "BUILDARCH": engine.split("/")[1]}
    args |= {argument: for_engine(need, bases[need]) for need, argument in service.needs.items()}
    if fresh is not None:
        args[NO_CACHE_ARG] = fresh
    return args


async def _base_labels(
    toolbox: Toolbox, service: ServicePlan, platform: Platform, bases: Mapping[str, Digest]
) -> dict[str, str]:
    """Name and digest of the base, as the image specification's annotations want them."""
    base = service.bases[platform]
    if base is None:
        return {}
    if base in bases:
        return {f"{OCI}base.name": base, f"{OCI}base.digest": bases[base]}
    return {f"{OCI}base.name": base, f"{OCI}base.digest": await base_digest(toolbox, base, platform)}


def base_of(
    toolbox: Toolbox,
    service: ServicePlan,
    platform: Platform,
    bases: Mapping[str, Digest],
    pins: Mapping[str, Digest],
) -> dagger.Container | str | None:
    """The image that the unit stands on; its reference if it is in the quarantine, None for `FROM scratch`.

    :param bases, pins: as in `build`.
    """
    base = service.bases[platform]
    if base is None:
        return None
    if base in bases:
        return quarantined(base, bases[base])
    if base in pins and "@" not in base:
        base = f"{base}@{pins[base]}"
    return toolbox.client.container(platform=dagger.Platform(platform)).from_(base)


async def base_digest(toolbox: Toolbox, base: str, platform: Platform) -> str:
    """What an image's name stands for now; asked once in a run.

    :raises BuildError: for an image that is known to be malicious.
    """
    image = toolbox.client.container(platform=dagger.Platform(platform)).from_(base)
    digest = (await toolbox.once(f"{base} {platform}", image.image_ref)).rpartition("@")[2]
    if why := malicious_digest(Digest(digest)):
        raise BuildError(f"{base}: {why}", remedy="build on another image", step="build")
    return digest
