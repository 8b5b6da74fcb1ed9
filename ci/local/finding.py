"""What `doctor` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """:param what: what was looked at, and how it is.

    :param remedy: what to do; empty if the level is ok.
    """

    level: Level
    what: str
    remedy: str = ""
