"""Ask a registry with regctl: one request's answer, or an error that says what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping

import anyio
import dagger

from pipelines import tools
from pipelines.errors import RegistryError
from pipelines.model import Target
from pipelines.registry import connection
from pipelines.registry.answers import remedy
from pipelines.stages.failures import engine_error, message
from pipelines.stages.toolbox import Toolbox, own_names

COPY_SECONDS = 3600

_LONGEST = 600
_QUERY = re.compile(r"(?<=[^\s\"])\?[^\s\"]+")


async def ask(
    toolbox: Toolbox,
    target: Target,
    args: list[str],
    *,
    step: str,
    source: Target | None = None,
    service: str | None = None,
    seconds: float | None = None,
    files: Mapping[str, str] | None = None,
) -> str:
    """What regctl prints.

    :param target: the registry that is asked.
    :param source: one more that takes part.
    :param files: path → text, for regctl to read.
    :param seconds: how long it may take; `connection.REQUEST_SECONDS` if it is not said.
    :raises RegistryError: the registry refused, gave no final answer in time, or cannot be reached.
    """
    # regctl sleeps for as long as a Retry-After says, an hour or a day; and it waits for ever where the engine's way to
    # a registry on the user's loopback loses that a connection was reset.
    bound = connection.REQUEST_SECONDS if seconds is None else seconds
    where = {"step": step} | ({"service": service} if service else {})
    registry = target.registry
    container = toolbox.regctl_outward(target, *([source] if source else []))
    for path, text in (files or {}).items():
        container = container.with_new_file(path, text)
    try:
        await toolbox.fetched(tools.REGCTL)
        with anyio.fail_after(bound):
            # Warnings are left out: about the plain HTTP of a registry that has a login, and steps of what failed.
            return await container.with_exec([*args, "--verbosity=error"], use_entrypoint=True).stdout()
    except TimeoutError as failure:
        what = f"{registry}: no final answer within {bound:.0f} s"
        raise RegistryError(what, remedy=remedy(what), **where) from failure
    except dagger.ExecError as failure:
        what = f"{registry}: {said(failure)}"
        raise RegistryError(what, remedy=remedy(what), **where) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, **where) from failure


def said(failure: dagger.ExecError) -> str:
    """regctl's error in one line, with the registries' own names. A page of HTML that it quotes is cut short.

    Addresses lose their query: that of an upload is a long token, and the reason comes after it.
    """
    text = " ".join((failure.stderr or failure.stdout or message(failure)).split())
    text = _QUERY.sub("", own_names(text))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
