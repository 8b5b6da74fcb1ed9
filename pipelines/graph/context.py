"""What one run carries through the graph, and the wrapper that every stage goes through."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import anyio
import dagger

from pipelines.model import Unit
from pipelines.plan import Plan
from pipelines.stages.sign import Signer
from pipelines.stages.toolbox import Toolbox


class Observer(Protocol):
    """Hears what the run does. Called from the run's own task; must not block."""

    def started(self, step: str, unit: str) -> None:
        """A stage began; `unit` is `service platform`, `service`, or empty for the whole run."""

    def finished(self, step: str, unit: str, seconds: float, note: str) -> None:
        """A stage ended well; `note` says what it found, in a few words."""

    def failed(self, step: str, unit: str, seconds: float) -> None:
        """A stage failed or was cancelled."""

    def say(self, message: str) -> None:
        """Something the user should know."""


SecretSource = Callable[[str, str], Awaitable[dagger.Secret]]
"""Id and address of a build secret → the secret, named by its id."""

Persist = Callable[[str], Awaitable[None]]
"""Keeps the release record's text somewhere that outlives the run."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How this run differs from an ordinary one."""

    push: bool = True
    scan: bool = True
    no_cache: bool = False


@dataclass
class Note:
    """What a stage's observer is told when it ends."""

    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Run:
    """The run: what every part of the graph is given."""

    id: str
    toolbox: Toolbox
    source: dagger.Directory
    plan: Plan
    options: Options
    observer: Observer
    signer: Signer
    secrets: SecretSource
    persist: Persist
    clock: Callable[[], datetime]
    started: datetime
    limiter: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(4))

    @asynccontextmanager
    async def step(self, name: str, unit: str | Unit = "") -> AsyncIterator[Note]:
        """Run one stage within the bound on concurrency, and tell the observer how it went."""
        note = Note()
        async with self.limiter:
            began = time.monotonic()
            self.observer.started(name, str(unit))
            try:
                yield note
            except BaseException:
                self.observer.failed(name, str(unit), time.monotonic() - began)
                raise
            self.observer.finished(name, str(unit), time.monotonic() - began, note.text)

    async def build_secrets(self, wanted: Mapping[str, str]) -> dict[str, dagger.Secret]:
        """The secrets that a service's Dockerfile mounts, by id."""
        return {name: await self.secrets(name, address) for name, address in wanted.items()}
