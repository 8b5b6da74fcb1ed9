"""How a registry is, against targets. Pure: `registry.measure` asks the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.model import Platform, Target

LAST_RUNS = 20
"""Over how many runs push success is told."""


@dataclass(frozen=True, kw_only=True)
class Goals:
    """What is expected. Shares are from 0 to 1.

    :param size: compressed bytes; every platform's image is smaller.
    :param storage: the file system, or the quota, is less full.
    :param push: more of the last runs than this ended published.
    :param pull: seconds; the largest image is here sooner.
    :param critical: at most so many critical vulnerabilities in one image.
    :param signed: at least this share of indexes and platforms has a signature attached.
    """

    size: int = 500_000_000
    storage: float = 0.80
    push: float = 0.99
    pull: float = 30.0
    critical: int = 0
    signed: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ImageState:
    """A service in its newest published release.

    :param release: id of the run; None if there is no record of one. Then nothing else is known.
    :param sizes: platform → compressed bytes.
    :param vulnerabilities: severity → how many, of the platform that has most; None if nothing was scanned.
    :param scanned: when the release was scanned.
    :param sample: it was scanned with the sample database, which finds next to nothing.
    :param signed: how many of `signable`, which are the index and its platforms, have a signature attached.
    """

    service: str
    release: str | None = None
    version: str | None = None
    sizes: Mapping[Platform, int] = field(default_factory=dict)
    vulnerabilities: Mapping[str, int] | None = None
    scanned: datetime | None = None
    sample: bool = False
    signed: int = 0
    signable: int = 0

    @property
    def coverage(self) -> float | None:
        """Share of what has a signature. It is not verified: `sealift verify` does that."""
        return self.signed / self.signable if self.signable else None


@dataclass(frozen=True, kw_only=True)
class Pull:
    """One image, really pulled. `finished` is false if it took longer than was waited for."""

    service: str
    platform: str
    size: int
    seconds: float
    finished: bool


@dataclass(frozen=True, kw_only=True)
class RegistryState:
    """A registry.

    :param problem: why it does not answer, or not all of it could be read.
    :param latency: seconds, the median of a few requests.
    :param storage: bytes: on its disk, where that can be seen (`on_disk`); else of every blob of the services, once.
    :param full: how full its file system, or its quota, is; None if that is not known.
    :param published: how many of the last `runs` that reached it ended published.
    """

    target: Target
    up: bool
    problem: str | None = None
    latency: float | None = None
    storage: int | None = None
    on_disk: bool = False
    full: float | None = None
    runs: int = 0
    published: int = 0
    pull: Pull | None = None
    services: tuple[ImageState, ...] = ()

    @property
    def push_success(self) -> float | None:
        """Share of the last runs that ended published."""
        return self.published / self.runs if self.runs else None


@dataclass(frozen=True, kw_only=True)
class Check:
    """A value against its goal.

    :param name: `size`, `storage`, `push`, `pull`, `critical` or `signed`.
    :param met: None if the value is not known.
    """

    name: str
    service: str | None
    value: float | None
    goal: float
    met: bool | None


def checks(state: RegistryState, goals: Goals) -> tuple[Check, ...]:
    """Every goal that there is for this registry, met or not."""
    return tuple(_checks(state, goals)) if state.up else ()


def _checks(state: RegistryState, goals: Goals) -> Iterator[Check]:
    yield _less("storage", None, state.full, goals.storage)
    pushed = state.push_success
    met = None if pushed is None else pushed > goals.push
    yield Check(name="push", service=None, value=pushed, goal=goals.push, met=met)
    if state.pull is not None:
        seconds = state.pull.seconds
        met = state.pull.finished and seconds < goals.pull
        yield Check(name="pull", service=state.pull.service, value=seconds, goal=goals.pull, met=met)
    for item in state.services:
        yield _less("size", item.service, max(item.sizes.values(), default=None), goals.size)
        found = None if item.vulnerabilities is None else item.vulnerabilities.get("CRITICAL", 0)
        met_critical = None if found is None else found <= goals.critical
        if met_critical and item.sample:
            # That it found none says nothing.
            met_critical = None
        yield Check(name="critical", service=item.service, value=found, goal=goals.critical, met=met_critical)
        share = item.coverage
        met_signed = None if share is None else share >= goals.signed
        yield Check(name="signed", service=item.service, value=share, goal=goals.signed, met=met_signed)


def _less(name: str, service: str | None, value: float | None, goal: float) -> Check:
    return Check(name=name, service=service, value=value, goal=goal, met=None if value is None else value < goal)
