"""Carry digests with their signatures and attestations to the target registry, and move tags, last."""

from __future__ import annotations

import re

import dagger

from pipelines.errors import RegistryError
from pipelines.model import Digest, Repository, Tag
from pipelines.registry.retry import retried
from pipelines.stages.toolbox import Toolbox, engine_error, last_words, quarantined

# A number alone may be part of a port or a digest: regctl writes the status as "http 404".
_UNAUTHORIZED = re.compile(r"http 401\b|\bunauthorized\b", re.IGNORECASE)
_FORBIDDEN = re.compile(r"http 403\b|\bforbidden\b|\bdenied\b", re.IGNORECASE)
_NOT_FOUND = re.compile(r"http 404\b|\bnot found\b", re.IGNORECASE)


def _regctl(toolbox: Toolbox, repository: Repository, *, insecure: bool) -> dagger.Container:
    hosts = (toolbox.reach_host(repository.registry),) if insecure else ()
    return toolbox.outward(toolbox.regctl(insecure=hosts))


async def _run(container: dagger.Container, args: list[str], *, service: str, step: str, registry: str) -> str:
    try:
        return await container.with_exec(args, use_entrypoint=True).stdout()
    except dagger.ExecError as failure:
        said = last_words(failure, lines=3)
        raise RegistryError(f"{registry}: {said}", remedy=remedy(said), service=service, step=step) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, service=service, step=step) from failure


def remedy(message: str) -> str:
    """What to do about a registry's refusal, told by its HTTP status or the network's error."""
    text = message.lower()
    if _UNAUTHORIZED.search(text):
        return "log in: set DOCKER_USERNAME and DOCKER_PASSWORD, or run 'docker login' for this registry"
    if _FORBIDDEN.search(text):
        return "the login is good but may not push here: ask for write permission to this repository"
    if any(word in text for word in ("connection refused", "no such host", "timeout", "lookup", '": eof')):
        return "check the registry's address and that it runs; for the local one run 'sealift up'"
    return "the registry's own message is above; run the command again when it is mended"


@retried
async def check(toolbox: Toolbox, repository: Repository, *, service: str, insecure: bool) -> None:
    """Ask the registry for its API before anything is built, so that an unreachable one costs no build.

    :raises RegistryError: it cannot be reached, or it does not answer as a registry.
    """
    container = _regctl(toolbox, repository, insecure=insecure)
    try:
        await _run(
            container,
            ["tag", "ls", toolbox.reach(repository), "--limit", "1"],
            service=service,
            step="registry",
            registry=repository.registry,
        )
    except RegistryError as failure:
        # A repository that does not exist yet is made by the first push.
        if not _NOT_FOUND.search(failure.what):
            raise


async def current(toolbox: Toolbox, repository: Repository, tag: Tag, *, service: str, insecure: bool) -> Digest | None:
    """The digest that a tag names at the target; None if there is no such tag.

    :raises RegistryError: the registry's answer is neither.
    """
    container = _regctl(toolbox, repository, insecure=insecure)
    reference = f"{toolbox.reach(repository)}:{tag}"
    try:
        answer = await _run(
            container, ["manifest", "head", reference], service=service, step="tags", registry=repository.registry
        )
    except RegistryError as failure:
        if _NOT_FOUND.search(failure.what):
            return None
        raise
    return Digest(answer.strip())


@retried
async def copy(toolbox: Toolbox, repository: Repository, digest: Digest, *, service: str, insecure: bool) -> None:
    """Copy an index by digest, with its platforms, signatures and attestations. Safe to repeat: what is there stays.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    container = _regctl(toolbox, repository, insecure=insecure)
    args = ["image", "copy", "--referrers", "--digest-tags", quarantined(service, digest)]
    await _run(
        container,
        [*args, f"{toolbox.reach(repository)}@{digest}"],
        service=service,
        step="copy",
        registry=repository.registry,
    )


@retried
async def move(
    toolbox: Toolbox, repository: Repository, tag: Tag, digest: Digest, *, service: str, insecure: bool
) -> None:
    """Let a tag name a digest that the target already holds.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    container = _regctl(toolbox, repository, insecure=insecure)
    address = toolbox.reach(repository)
    await _run(
        container,
        ["image", "copy", f"{address}@{digest}", f"{address}:{tag}"],
        service=service,
        step=f"tag {tag}",
        registry=repository.registry,
    )
