"""What the engine and the tools say when something fails, and what that means."""

from __future__ import annotations

import re

import dagger
import httpx
import tenacity
from gql.transport.exceptions import TransportError

from pipelines.errors import EngineError, SealiftError, SeveralErrors

_TRACE = re.compile(r"\s*\[traceparent:[0-9a-f-]+\]")


def last_words(failure: dagger.ExecError, *, lines: int = 6) -> str:
    """The end of what a failed command printed."""
    text = (failure.stderr or failure.stdout or "").strip()
    return "\n    ".join(text.splitlines()[-lines:]) or message(failure)


# What dagger-io and the client below it raise when the engine or the session is gone, or refuses to start.
ENGINE_FAILURES = (dagger.DaggerError, TransportError, httpx.HTTPError, tenacity.RetryError)


_LOST = "the Dagger engine was lost"


def lost(failure: Exception, **where: str) -> EngineError:
    """The engine stopped answering in the middle of the work.

    :param failure: what was seen of it; of a stage's own error, text and place are kept.
    """
    if isinstance(failure, SeveralErrors):
        failure = failure.errors[0]
    if isinstance(failure, SealiftError):
        places = {"service": failure.service, "platform": failure.platform, "step": failure.step}
        where = {**where, **{name: place for name, place in places.items() if place}}
    text = failure.what if isinstance(failure, SealiftError) else _first_line(failure)
    return EngineError(
        text if text.startswith(_LOST) else f"{_LOST}: {_TRACE.sub('', text)}",
        remedy="run 'sealift up' and then the command again; nothing has to be cleaned up by hand",
        **where,
    )


def _first_line(failure: Exception) -> str:
    """What a client library says; further lines tell where to read about HTTP."""
    return next(iter(str(failure).strip().splitlines()), type(failure).__name__)


def message(failure: dagger.DaggerError) -> str:
    """What the engine says, without the trace's id."""
    return _TRACE.sub("", str(failure)).strip()


def engine_error(failure: dagger.DaggerError, **where: str) -> EngineError:
    """An answer of the engine that no stage expects."""
    return EngineError(
        message(failure), remedy="run 'sealift doctor'; if the engine is in order, run the command again", **where
    )
