from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import tenacity

from pipelines.errors import BuildError, EngineError, RegistryError, ToolError
from pipelines.registry.retry import (
    ATTEMPTS,
    BUDGET_SECONDS,
    FIRST_ATTEMPTS,
    passing,
    retried,
    retried_at_first,
    retried_however_long,
)

pytestmark = pytest.mark.anyio

LOST = "ghcr.io: connection reset by peer"


def error(what: str) -> RegistryError:
    return RegistryError(what, remedy="run it again")


class Clock:
    """Time that passes only when someone sleeps or works."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tenacity, "time", SimpleNamespace(monotonic=made.monotonic))
    monkeypatch.setattr(asyncio, "sleep", made.sleep)
    return made


class Operation:
    """Fails as it is told, in turn, and then answers; each call takes a while."""

    def __init__(self, clock: Clock, *failures: Exception, seconds: float = 0) -> None:
        self.clock, self.failures, self.seconds, self.calls = clock, list(failures), seconds, 0

    async def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """What it does."""
        self.calls += 1
        self.clock.now += self.seconds
        if self.failures:
            raise self.failures.pop(0)
        return (*args, kwargs)


@pytest.mark.parametrize(
    "what",
    [
        "ghcr.io: internal server error [http 500]",
        "ghcr.io: bad gateway [http 502]",
        "ghcr.io: service unavailable [http 503]",
        "ghcr.io: request timeout [http 408]",
        "ghcr.io: too many requests [http 429]",
        LOST,
        "read tcp 10.0.0.1:41404->10.0.0.2:443: i/o timeout",
        "unexpected EOF",
        "localhost:5000: connection refused",
        f"blob sha256:{'404' * 21}a: [http 500]",
        "localhost:4040: connection reset",
        "failed to send blob (chunk), ref r.example/web@sha256:2e62: http status: not found [http 404]",
    ],
)
def test_what_may_pass_by_itself(what: str) -> None:
    assert passing(error(what))


@pytest.mark.parametrize(
    "what",
    [
        "ghcr.io: request failed: bad request [http 400]",
        "ghcr.io: unexpected status [http 401]",
        "UNAUTHORIZED: authentication required",
        "ghcr.io: 403 Forbidden",
        "ghcr.io: unexpected status [http 403]",
        "denied: requested access to the resource is denied",
        "ghcr.io: unexpected status [http 404]",
        "manifest Not Found",
        "lookup registry.example: no such host",
    ],
)
def test_what_stays_as_it_is(what: str) -> None:
    assert not passing(error(what))


@pytest.mark.parametrize(
    "other", [ToolError(LOST, remedy="r"), EngineError(LOST, remedy="r"), BuildError(LOST, remedy="r"), OSError(LOST)]
)
def test_only_errors_of_registries_pass(other: Exception) -> None:
    assert not passing(other)


async def test_a_good_answer_is_given_back_at_once(clock: Clock) -> None:
    operation = Operation(clock)
    assert await retried(operation)(1, 2, name="x") == (1, 2, {"name": "x"})
    assert (operation.calls, clock.slept) == (1, [])


async def test_a_passing_failure_is_tried_again(clock: Clock) -> None:
    operation = Operation(clock, error(LOST), error("[http 503]"))
    assert await retried(operation)("x") == ("x", {})
    assert operation.calls == 3
    assert len(clock.slept) == 2


async def test_a_final_answer_is_not_asked_for_twice(clock: Clock) -> None:
    denied = error("denied")
    operation = Operation(clock, denied)
    with pytest.raises(RegistryError) as caught:
        await retried(operation)()
    assert caught.value is denied
    assert (operation.calls, clock.slept) == (1, [])


async def test_a_final_answer_after_a_passing_one_ends_it(clock: Clock) -> None:
    operation = Operation(clock, error(LOST), error("ghcr.io: unexpected status [http 403]"), error(LOST))
    with pytest.raises(RegistryError, match="403"):
        await retried(operation)()
    assert operation.calls == 2


async def test_the_last_failure_is_raised_after_seven_attempts(clock: Clock) -> None:
    failures = [error(f"{LOST} {number}") for number in range(10)]
    operation = Operation(clock, *failures)
    with pytest.raises(RegistryError) as caught:
        await retried(operation)()
    assert caught.value is failures[6]
    assert operation.calls == ATTEMPTS == 7


async def test_a_first_look_is_over_sooner(clock: Clock) -> None:
    operation = Operation(clock, *[error(LOST)] * 10)
    with pytest.raises(RegistryError):
        await retried_at_first(operation)()
    assert operation.calls == FIRST_ATTEMPTS == 4
    assert sum(clock.slept) < 10


async def test_a_registry_that_is_away_for_half_a_minute_is_waited_for(clock: Clock) -> None:
    began = clock.now

    async def operation() -> str:
        if clock.now - began < 30:
            raise error("ghcr.io: service unavailable [http 503]")
        return "done"

    assert await retried(operation)() == "done"
    assert clock.now - began < BUDGET_SECONDS


async def test_waits_grow_and_have_jitter(clock: Clock) -> None:
    waits = []
    for _ in range(20):
        clock.slept.clear()
        with pytest.raises(RegistryError):
            await retried(Operation(clock, *[error(LOST)] * ATTEMPTS))()
        waits.append(tuple(clock.slept))
    for first, second, third, *_ in waits:
        assert 0.5 <= first <= 1.5
        assert 1 <= second <= 2
        assert 2 <= third <= 3
    assert len(set(waits)) > 1, "several machines must not come back at the same moment"


async def test_nothing_begins_after_the_budget_is_spent(clock: Clock) -> None:
    operation = Operation(clock, *[error(LOST)] * 10, seconds=50)
    with pytest.raises(RegistryError):
        await retried(operation)()
    assert BUDGET_SECONDS == 90
    assert operation.calls == 2


async def test_what_moves_much_is_tried_again_however_long_it_took(clock: Clock) -> None:
    operation = Operation(clock, *[error(LOST)] * 10, seconds=3000)
    with pytest.raises(RegistryError):
        await retried_however_long(operation)()
    assert operation.calls == ATTEMPTS


async def test_other_errors_come_through_at_once(clock: Clock) -> None:
    operation = Operation(clock, ValueError("a mistake"))
    with pytest.raises(ValueError, match="a mistake"):
        await retried(operation)()
    assert operation.calls == 1


def test_the_operation_keeps_its_documentation() -> None:
    async def operation() -> None:
        """What it does."""

    assert retried(operation).__doc__ == "What it does."


def told_to_wait(seconds: float) -> RegistryError:
    failure = error("ghcr.io: too many requests [http 429]")
    failure.after = seconds
    return failure


async def test_as_long_as_the_registry_asks_is_waited(clock: Clock) -> None:
    operation = Operation(clock, told_to_wait(20))
    await retried(operation)()
    assert clock.slept == [20]


async def test_whoever_asks_for_more_than_the_budget_is_not_waited_for(clock: Clock) -> None:
    operation = Operation(clock, told_to_wait(BUDGET_SECONDS))
    with pytest.raises(RegistryError, match="429"):
        await retried(operation)()
    assert (operation.calls, clock.slept) == (1, [])


async def test_a_login_that_has_expired_is_made_once_more(clock: Clock) -> None:
    expired = error("failed to send blob (chunk), ref ghcr.io/web: http status: unauthorized [http 401]")
    operation = Operation(clock, expired)
    assert await retried_however_long(operation)() == ({},)
    assert operation.calls == 2


async def test_a_login_that_is_not_taken_is_not_made_a_third_time(clock: Clock) -> None:
    operation = Operation(clock, *[error("ghcr.io: unexpected status [http 401]")] * 3)
    with pytest.raises(RegistryError, match="401"):
        await retried(operation)()
    assert operation.calls == 2


async def test_at_the_first_look_no_login_is_made_twice(clock: Clock) -> None:
    operation = Operation(clock, error("ghcr.io: unexpected status [http 401]"))
    with pytest.raises(RegistryError, match="401"):
        await retried_at_first(operation)()
    assert operation.calls == 1
