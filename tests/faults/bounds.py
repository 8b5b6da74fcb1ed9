"""Shorter bounds on requests to registries: the product's are a minute for a request and an hour for a copy.

The engine's way to a registry on the loopback loses that a connection was cut, so a bound has to end it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from pipelines.registry import connection
from pipelines.stages import publish


def _patches(request: float, copy: float) -> list[Any]:
    return [
        mock.patch.object(connection, "REQUEST_SECONDS", request),
        mock.patch.object(publish, "COPY_SECONDS", copy),
    ]


@contextmanager
def bounded(*, request: float, copy: float) -> Iterator[None]:
    """:param request, copy: seconds."""
    with ExitStack() as stack:
        for patch in _patches(request, copy):
            stack.enter_context(patch)
        yield


def bound(*, request: float, copy: float) -> None:
    """The same for the rest of the process: of a command that a test has forked."""
    for patch in _patches(request, copy):
        patch.start()
