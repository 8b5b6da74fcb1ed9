"""Retries for operations on a registry that are safe to repeat.

Operations are tried again within a budget unless the registry's answer is final. regctl, which copies, retries single
requests by itself besides (408, 429, 500, 502, 504 and resets, but not 503), and waits as long as a Retry-After says.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipelines.errors import RegistryError, SigningError
from pipelines.registry.answers import Meaning, final, meaning

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 7
"""The pauses between them are 30 s in all, and jitter: a registry may be restarted in the middle of a release."""
FIRST_ATTEMPTS = 4
"""Before anything is done, when to be told early that a registry is away costs nothing."""
BUDGET_SECONDS = 90


def passing(error: BaseException) -> bool:
    """Whether a failure may pass by itself: 408, 429, 5xx, resets, timeouts, but no refusal."""
    if isinstance(error, SigningError):
        return error.passing
    return isinstance(error, RegistryError) and not final(error.what)


def _asked(error: BaseException | None) -> float:
    """Seconds that the registry asked to wait, by Retry-After; 0 if it did not."""
    return (error.after or 0) if isinstance(error, RegistryError) else 0


def _wait(state: RetryCallState) -> float:
    """What grows from attempt to attempt, but no less than the registry asked for."""
    error = state.outcome.exception() if state.outcome else None
    return max(_asked(error), wait_exponential_jitter(multiplier=0.5, max=15)(state))


def retried(operation: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Repeat an idempotent request on passing failures: at most 7 attempts, of which none begins after 90 s."""
    return _repeating(operation, BUDGET_SECONDS)


def retried_at_first(operation: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same for a first look at a registry, and for the advisory database: before anything has been done.

    At most 4 attempts, and a login that is not taken is not tried twice.
    """
    return _repeating(operation, BUDGET_SECONDS, FIRST_ATTEMPTS, logins=0)


def retried_with_its_login(operation: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same for a client that renews an expired login by itself: a wrong password is tried no second time."""
    return _repeating(operation, BUDGET_SECONDS, logins=0)


def retried_however_long(operation: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same for what moves gigabytes: what the work itself takes is no reason to give up."""
    return _repeating(operation, math.inf)


def _repeating(
    operation: Callable[P, Awaitable[T]], budget: float, most: float = math.inf, logins: int = 1
) -> Callable[P, Awaitable[T]]:
    """
    :param logins: how often a 401 is answered by beginning anew, which logs in anew: tokens live for minutes, and one
        that expires in the middle of an upload fails it, for the tools do not send the part again.
    """

    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        left = logins

        def worth(error: BaseException) -> bool:
            nonlocal left
            if isinstance(error, RegistryError) and meaning(error.what) is Meaning.UNAUTHORIZED and left:
                left -= 1
                return True
            return passing(error)

        async for attempt in AsyncRetrying(
            retry=retry_if_exception(lambda error: worth(error) and _asked(error) < budget),
            stop=stop_after_attempt(int(min(ATTEMPTS, most))) | stop_after_delay(budget),
            wait=_wait,
            reraise=True,
        ):
            with attempt:
                return await operation(*args, **kwargs)
        raise AssertionError("tenacity ends with a result or an error")

    wrapper.__doc__ = operation.__doc__
    return wrapper
