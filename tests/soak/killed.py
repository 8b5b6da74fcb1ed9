"""What became of a release that was struck."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Killed:
    """One release that was struck, and how it was finished.

    :param code: how the struck command ended, negative for the signal that ended it.
    :param ways: the commands that finished it: `resume`, or `again` where no record was written.
    :param wrong: what did not hold; empty if all did.
    """

    number: int
    strike: str
    what: str
    stage: str
    code: int
    ways: list[str] = field(default_factory=list)
    wrong: str = ""
    seconds: float = 0.0


def line(killed: Killed) -> str:
    """One line for the progress."""
    end = f"WRONG: {killed.wrong}" if killed.wrong else "holds"
    ways = ", ".join(killed.ways) or "nothing to finish"
    return (
        f"{killed.number + 1:4}  {killed.strike:42} in {killed.stage:14} exit {killed.code:4}  {ways:24}"
        f" {killed.seconds:5.1f} s  {end}"
    )
