"""A wrong clock for a command of the tests: the client's alone, nothing but the kernel sets an engine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine

YEAR = timedelta(days=365)
DAY = timedelta(days=1)


def a_year_ago() -> None:
    """From here on, and until its end, this process has a clock that was set back a year."""
    time_machine.travel(datetime.now(UTC) - YEAR, tick=True).start()


def tomorrow() -> None:
    """The same, a day ahead."""
    time_machine.travel(datetime.now(UTC) + DAY, tick=True).start()
