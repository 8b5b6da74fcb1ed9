"""What the tests of exporters share."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest


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
