"""The clients of one run: one for each registry, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

from pipelines.model import Target
from pipelines.registry.auth import Login
from pipelines.registry.client import Client


class Clients:
    """`async with Clients(logins=…) as clients: await clients(target).tags(target.repository("web"))`.

    :param logins: registry → who we are there.
    :param environ: the variables; the process's own if None.
    :param host: registry → where its API is found from here, or None if where its name says.
    """

    def __init__(
        self,
        *,
        logins: Mapping[str, Login],
        environ: Mapping[str, str] | None = None,
        host: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._logins = logins
        self._environ = environ
        self._host = host
        self._made: dict[Target, Client] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._made.values():
            await client.__aexit__()

    def __call__(self, target: Target) -> Client:
        if target not in self._made:
            login, host = self._logins.get(target.registry), self._host(target.registry)
            self._made[target] = Client(target, login=login, environ=self._environ, host=host)
        return self._made[target]
