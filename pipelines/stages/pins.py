"""Which image an engine is asked for: the lock's, by its digest; or, in a rehearsal, the one rebuilt in its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

import anyio
import dagger

from pipelines.images import parse_image
from pipelines.lock import Locked
from pipelines.model import REBUILT_LABEL


async def applies(client: dagger.Client, locked: Locked, mirrored: Collection[str]) -> bool:
    """Whether the lock's image is what is asked for.

    It always is, and nobody is asked, but for names of registries in whose place this engine asks a mirror of rebuilt
    images. There too it is, unless what the mirror has is labelled as rebuilt: another image than the lock's is never
    taken for it.

    :param mirrored: registries in whose place the engine asks such a mirror first; none, unless it is a rehearsal.
    """
    if parse_image(locked.name).repository.registry not in mirrored:
        return True
    try:
        return await client.container().from_(locked.name).label(REBUILT_LABEL) != "true"
    except dagger.QueryError:
        return True


async def tool_images(
    client: dagger.Client,
    tools: Mapping[str, Locked | str],
    mirrored: Collection[str],
    say: Callable[[str], None],
) -> Mapping[str, str]:
    """Tool → what is run.

    :param say: is told, if the lock is not applied to some.
    """
    found = {name: tool if isinstance(tool, str) else tool.reference for name, tool in tools.items()}
    rebuilt: list[str] = []

    async def one(name: str, tool: Locked) -> None:
        if not await applies(client, tool, mirrored):
            found[name] = tool.name
            rebuilt.append(name)

    async with anyio.create_task_group() as group:
        for name, tool in tools.items():
            if not isinstance(tool, str):
                group.start_soon(partial(one, name, tool))
    if rebuilt:
        say(not_applied(f"the tools {', '.join(sorted(rebuilt))}"))
    return found


def not_applied(what: str) -> str:
    """What is said then."""
    return f"sealift.lock is NOT applied to {what}: this engine has rebuilt images in their place. Not fit for release."
