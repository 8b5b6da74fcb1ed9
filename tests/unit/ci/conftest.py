"""What the tests of exporters share."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from unittest import mock

import pytest


@pytest.fixture(autouse=True)
def _no_variables() -> Iterator[None]:
    """None of OpenTelemetry's before, and none left: setting up puts those of `.env` into the process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TRACEPARENT"))}
    with mock.patch.dict(os.environ, kept, clear=True):
        yield


@pytest.fixture
def exporters_ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Exporters that still try at a test's end would complain in the next one, and do not complain twice in 20 s."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    for name in logging.root.manager.loggerDict:
        for duplicates in logging.getLogger(name).filters if name.startswith("opentelemetry.") else ():
            vars(duplicates).pop("last_log", None)
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
