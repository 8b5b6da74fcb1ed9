"""Carry digests with their signatures and attestations to the target registry, and move tags, last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pipelines.errors import RegistryError
from pipelines.model import Digest, Repository, Tag
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.retry import retried, retried_however_long
from pipelines.stages.regctl import COPY_SECONDS, ask
from pipelines.stages.toolbox import Toolbox, quarantined


@retried
async def check(toolbox: Toolbox, repository: Repository, *, service: str, insecure: bool) -> None:
    """Ask the registry for its API before anything is built, so that an unreachable one costs no build.

    :raises RegistryError: it cannot be reached, or it does not answer as a registry.
    """
    args = ["tag", "ls", toolbox.reach(repository), "--limit", "1"]
    try:
        await ask(toolbox, repository.registry, args, insecure=insecure, service=service, step="registry")
    except RegistryError as failure:
        # A repository that does not exist yet is made by the first push.
        if meaning(failure.what) is not Meaning.NOT_FOUND:
            raise


@retried
async def current(toolbox: Toolbox, repository: Repository, tag: Tag, *, service: str, insecure: bool) -> Digest | None:
    """The digest that a tag names at the target; None if there is no such tag.

    :raises RegistryError: the registry's answer is neither.
    """
    args = ["manifest", "head", f"{toolbox.reach(repository)}:{tag}"]
    try:
        answer = await ask(toolbox, repository.registry, args, insecure=insecure, service=service, step="tags")
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return None
        raise
    return Digest(answer.strip())


@retried
async def listed(toolbox: Toolbox, repository: Repository, *, service: str, insecure: bool) -> Sequence[str]:
    """Every tag of the repository at the target, in the registry's order; none if there is no such repository.

    :raises RegistryError: the registry's answer is neither.
    """
    args = ["tag", "ls", toolbox.reach(repository)]
    try:
        answer = await ask(toolbox, repository.registry, args, insecure=insecure, service=service, step="tags")
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return ()
        raise
    return answer.split()


@retried
async def annotated(
    toolbox: Toolbox, repository: Repository, digest: Digest, *, service: str, insecure: bool
) -> Mapping[str, str]:
    """The annotations of a manifest or index at the target; none if what is there has no such thing.

    :raises RegistryError: the registry has no such manifest, or does not answer.
    """
    args = ["manifest", "get", "--format", "raw-body", f"{toolbox.reach(repository)}@{digest}"]
    answer = await ask(toolbox, repository.registry, args, insecure=insecure, service=service, step="tags")
    try:
        found = json.loads(answer).get("annotations") or {}
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError):
        return {}


@retried_however_long
async def copy(
    toolbox: Toolbox, repository: Repository, digest: Digest, *, service: str, insecure: bool, again: bool = False
) -> None:
    """Copy an index by digest, with its platforms, signatures and attestations. Safe to repeat: what is there stays.

    :param again: put every manifest once more. A registry without the referrers API has its lists of what is attached
        to a digest from whoever puts an attachment, and regctl puts none that is there already: after a copy that broke
        off between an attachment and its list, only this mends the list.
    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    args = ["image", "copy", "--referrers", "--digest-tags", *(["--force-recursive"] if again else [])]
    args += [quarantined(service, digest), f"{toolbox.reach(repository)}@{digest}"]
    await ask(toolbox, repository.registry, args, insecure=insecure, service=service, step="copy", seconds=COPY_SECONDS)


@retried
async def move(
    toolbox: Toolbox, repository: Repository, tag: Tag, digest: Digest, *, service: str, insecure: bool
) -> None:
    """Let a tag name a digest that the target already holds.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    address = toolbox.reach(repository)
    args = ["image", "copy", f"{address}@{digest}", f"{address}:{tag}"]
    await ask(toolbox, repository.registry, args, insecure=insecure, service=service, step=f"tag {tag}")
