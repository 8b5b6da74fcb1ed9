"""Carry digests with their signatures and attestations to a target registry, and take tags away."""

from __future__ import annotations

from pipelines.model import Digest, Tag, Target
from pipelines.registry.retry import retried, retried_however_long
from pipelines.stages.regctl import COPY_SECONDS, ask
from pipelines.stages.toolbox import Toolbox, quarantined


@retried_however_long
async def copy(
    toolbox: Toolbox,
    target: Target,
    service: str,
    digest: Digest,
    *,
    source: Target | None = None,
    again: bool = False,
) -> None:
    """Copy an index by digest, with its platforms, signatures and attestations. Safe to repeat: what is there stays.

    :param source: where it is copied from; None for the quarantine.
    :param again: put every manifest once more. A registry without the referrers API has its lists of what is attached
        to a digest from whoever puts an attachment, and regctl puts none that is there already: after a copy that broke
        off between an attachment and its list, only this mends the list.
    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    here = f"{toolbox.at(source, service)}@{digest}" if source else quarantined(service, digest)
    args = ["image", "copy", "--referrers", "--digest-tags", *(["--force-recursive"] if again else [])]
    args += [here, f"{toolbox.at(target, service)}@{digest}"]
    await ask(toolbox, target, args, source=source, service=service, step="copy", seconds=COPY_SECONDS)


@retried
async def fetch(toolbox: Toolbox, source: Target, service: str, digest: Digest) -> None:
    """Copy an index the other way, from a registry into the quarantine, with all that belongs to it.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    args = ["image", "copy", "--referrers", "--digest-tags"]
    args += [f"{toolbox.at(source, service)}@{digest}", quarantined(service, digest)]
    await ask(toolbox, source, args, service=service, step="fetch", seconds=COPY_SECONDS)


@retried
async def untag(toolbox: Toolbox, target: Target, service: str, tag: Tag) -> None:
    """Remove a tag, and nothing that it names; of registries that cannot, by the way round that regctl has for them.

    :raises RegistryError: the registry refused, or was lost past the retry budget.
    """
    args = ["tag", "rm", f"{toolbox.at(target, service)}:{tag}"]
    await ask(toolbox, target, args, service=service, step=f"tag {tag}")
