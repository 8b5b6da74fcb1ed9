"""What one run carries through the graph, and the wrapper that every stage goes through."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import dagger

from pipelines.errors import EngineError, SealiftError, SeveralErrors
from pipelines.graph.slots import Slots
from pipelines.invocation import Invocation, Maker
from pipelines.key import Ingredients
from pipelines.model import Digest, Finding, Target, Unit
from pipelines.plan import Plan, ServicePlan
from pipelines.registry.clients import Clients
from pipelines.stages.failures import ENGINE_FAILURES, lost
from pipelines.stages.signer import Signer
from pipelines.stages.toolbox import Toolbox
from pipelines.telemetry import Recorder
from pipelines.trust import Trust


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

SignerSource = Callable[[], Awaitable[Signer]]
"""Who signs, found when first asked for: what signs nothing needs nobody."""

TrustSource = Callable[[], Awaitable[Trust]]
"""Whose signatures count."""

Persist = Callable[[str], Awaitable[None]]
"""Keeps the release record's text somewhere that outlives the run."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How this run differs from an ordinary one.

    :param caches: with `no_cache`, before the names of cache mounts, which no other build has then; empty for those
        that the project's builds for one environment share.
    """

    push: bool = True
    scan: bool = True
    no_cache: bool = False
    caches: str = ""
    reuse: bool = True


@dataclass(frozen=True, kw_only=True)
class Given:
    """An image that another run has built for this one, booted and searched for its build secrets.

    :param archive: OCI, with this image only.
    :param bases: image that its Dockerfile names → its digest then; None if they cannot be told.
    :param engine: version of the engine that built it.
    """

    digest: Digest
    archive: dagger.File
    boot_ms: int | None
    seconds: float
    baked: tuple[Finding, ...]
    bases: Mapping[str, str] | None
    engine: str
    made_by: Maker


@dataclass
class Note:
    """What is told of a stage when it ends.

    :param text: what it found, for the observer.
    :param digest: the manifest that it made, if it made one.
    """

    text: str = ""
    digest: Digest | None = None


@contextmanager
def _placed(step: str, unit: str) -> Iterator[None]:
    """Say of a lost engine in which stage that was seen."""
    try:
        yield
    except ENGINE_FAILURES as failure:
        raise lost(failure, service=unit, step=step) from failure
    except SealiftError as failure:
        # Where a stage asks several things at once, each was lost, and none of them says where.
        for single in failure.errors if isinstance(failure, SeveralErrors) else (failure,):
            if isinstance(single, EngineError) and not single.where:
                single.service, single.step = unit, step
        raise


@dataclass(frozen=True, kw_only=True)
class Session:
    """What every part of the graph is given, whether it builds or works from a record.

    :param toolbox: work of the engine.
    :param registries: requests to registries, from where the command runs.
    :param several: there is more than one registry, and stages say at which they are.
    """

    id: str
    toolbox: Toolbox
    registries: Clients
    observer: Observer
    recorder: Recorder
    signer: SignerSource
    trust: TrustSource
    persist: Persist
    clock: Callable[[], datetime]
    started: datetime
    slots: Slots
    several: bool = False

    @asynccontextmanager
    async def step(
        self, name: str, unit: str | Unit = "", *, shared: str | None = None, at: Target | None = None
    ) -> AsyncIterator[Note]:
        """Run one stage within the bound on concurrency, in a span of its own, and tell the observer how it went.

        :param at: the target that the stage is about; shown where there are several.
        :param shared: stages that name the same share most of their work, and one slot; see `Slots`.
        """
        note = Note()
        asked = self.recorder.now()
        async with self.slots.taken(shared):
            began = time.monotonic()
            shown = f"{unit} {at.registry}" if at and self.several else str(unit)
            self.observer.started(name, shown)
            try:
                with self.recorder.stage(name, unit, asked=asked) as doing, _placed(name, str(unit)):
                    yield note
                    doing.digest = note.digest
            except BaseException:
                self.observer.failed(name, shown, time.monotonic() - began)
                raise
            self.observer.finished(name, shown, time.monotonic() - began, note.text)


@dataclass(frozen=True, kw_only=True)
class Run(Session):
    """A run that builds.

    :param made_of: reads what a service's image is made of.
    :param invocation: what is attested of the run itself.
    :param given: units that are not built, for another run has.
    """

    source: dagger.Directory
    plan: Plan
    options: Options
    secrets: SecretSource
    made_of: Callable[[ServicePlan], Ingredients]
    invocation: Invocation
    given: Mapping[Unit, Given] = field(default_factory=dict)

    async def build_secrets(self, wanted: Mapping[str, str]) -> dict[str, dagger.Secret]:
        """The secrets that a service's Dockerfile mounts, by id."""
        return {name: await self.secrets(name, address) for name, address in wanted.items()}
