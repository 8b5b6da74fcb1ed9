"""What the client of a registry stands on: its sessions, its requests in threads, and what is not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Self, TypeVar

import anyio

from pipelines.config import is_loopback
from pipelines.errors import RegistryError
from pipelines.model import Target
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.auth import Login
from pipelines.registry.concurrent import in_thread
from pipelines.registry.documents import MANIFESTS
from pipelines.registry.kinds import kind_of
from pipelines.registry.sessions import authorities, new_session
from pipelines.registry.wire import Wire

T = TypeVar("T")
_AT_ONCE = 8
"""Requests to one registry."""
REQUEST_SECONDS = 60
"""For a request with its logging in: a registry that answers byte by byte would hold a release up for ever."""
LIST_SECONDS = 600
"""For a list, which may have thousands of pages."""

ACCEPT = {"Accept": ", ".join(MANIFESTS)}


class Connection:
    """One registry, and who we are there.

    :param login: None for what everybody may do.
    :param verify: file of certificate authorities, or True for those of requests; else as the variables and the system
        have it.
    :param host: where its API is found from here, if that is elsewhere than its name says.
    """

    def __init__(
        self,
        target: Target,
        *,
        login: Login | None = None,
        environ: Mapping[str, str] | None = None,
        verify: str | bool | None = None,
        host: str | None = None,
    ) -> None:
        self.target = target
        self.kind = kind_of(target.registry)
        self._host = host or self.kind.host
        self._login = login
        self._verify = authorities(os.environ if environ is None else environ) if verify is None else verify
        self._session = new_session(direct=is_loopback(target.registry), plain=self._host if target.insecure else None)
        self._wires: dict[str, Wire] = {}
        self._limit = anyio.CapacityLimiter(_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._session.close()

    @property
    def asked_for_login(self) -> bool:
        """Whether the registry has asked who we are, so far."""
        return any(wire.objection for wire in self._wires.values())

    def wire(self, path: str) -> Wire:
        """The way to one repository, by its path; empty for the registry itself."""
        if path not in self._wires:
            self._wires[path] = Wire(
                self._host,
                path,
                name=self.target.registry,
                login=self._login,
                insecure=self.target.insecure,
                session=self._session,
                verify=self._verify,
            )
        return self._wires[path]

    async def do(self, work: Callable[[], T], *, seconds: float | None = None) -> T:
        """Work that waits for the registry, in a thread of its own.

        :param seconds: how long it may take; `REQUEST_SECONDS` if it is not said.
        :raises RegistryError: it takes longer, or as the work has it.
        """
        bound = REQUEST_SECONDS if seconds is None else seconds
        try:
            return await in_thread(work, self._limit, bound)
        except TimeoutError as failure:
            what = f"{self.target.registry}: no final answer within {bound:.0f} s"
            raise RegistryError(what, remedy=meaning(what).value) from failure


def found(ask: Callable[[], T]) -> T | None:
    """What is asked for; None if the registry has no such thing."""
    try:
        return ask()
    except RegistryError as failure:
        if meaning(failure.what) is Meaning.NOT_FOUND:
            return None
        raise
