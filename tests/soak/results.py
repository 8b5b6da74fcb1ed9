"""What a soak found: kept as JSON, shown as tables, written into docs/reliability.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

from tests.bench.tables import markdown
from tests.soak.killed import Killed
from tests.soak.pushes import SHARE, Pushes

_TEMPLATE = Path(__file__).parent / "report.md"
TARGET = 0.999
"""The share of pushes that has to succeed."""
NOT_YET = "Not run yet."
_STAGES = ("start", "key", "registry", "build", "sbom", "index", "tags before", "verify", "sign", "attest", "copy")
STAGES = (*_STAGES, "record", "tag", "ended before")
STRIKES = ("SIGKILL", "SIGINT", "SIGTERM", "registry 1", "registry 2")


@dataclass(kw_only=True)
class Results:
    """What was found with one seed, as far as it has come: of kills or of pushes."""

    seed: int
    date: str
    kills: Sequence[Killed] = ()
    pushes: Pushes | None = None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Results:
        found: dict[str, Any] = json.loads(path.read_text())
        kills = tuple(Killed(**killed) for killed in found.pop("kills"))
        pushes = found.pop("pushes")
        return cls(**found, kills=kills, pushes=Pushes(**pushes) if pushes else None)

    @property
    def well(self) -> bool:
        """Whether everything held."""
        enough = self.pushes is None or self.pushes.share >= TARGET
        return enough and not any(killed.wrong for killed in self.kills)


def kill_rows(kills: Sequence[Killed]) -> list[list[str]]:
    """Header and rows: the stage that had begun last → how many releases each strike met there, and how it ended."""
    rows = [["last stage begun", *STRIKES, "finished by resume", "by the command again", "wrong"]]
    for stage in (*STAGES, None):
        there = [killed for killed in kills if stage in (killed.stage, None)]
        if not there:
            continue
        struck = Counter(killed.what for killed in there)
        ways = Counter(killed.ways[0] for killed in there if killed.ways)
        counts = [*(struck[what] for what in STRIKES), ways["resume"], ways["again"]]
        wrong = sum(bool(killed.wrong) for killed in there)
        rows.append([stage or "all", *(str(count or "") for count in counts), str(wrong)])
    return rows


def push_rows(pushes: Pushes) -> list[list[str]]:
    """Header and rows: what was done, and what failed."""
    total = pushes.done + len(pushes.failed)
    faults: Mapping[str, int] = dict(sorted(pushes.faults.items()))
    return [
        ["", ""],
        ["pushes", str(total)],
        ["succeeded", f"{pushes.done} ({pushes.share:.2%})"],
        ["requests", str(pushes.requests)],
        ["of which failed", f"{sum(faults.values())} ({SHARE:.0%} asked for)"],
        *([f"… {kind}", str(count)] for kind, count in faults.items()),
        ["seconds for a push, median and longest", f"{median(pushes.seconds):.1f}, {max(pushes.seconds):.1f}"],
    ]


def document(kills: Results | None, pushes: Results | None) -> str:
    """The whole of docs/reliability.md: report.md, where what is written by hand is, with the tables."""
    return Template(_TEMPLATE.read_text()).substitute(
        kills=f"{_summary(kills)}\n\n{markdown(kill_rows(kills.kills))}" if kills else NOT_YET,
        pushes=f"{markdown(push_rows(pushes.pushes))}\n\nSeed {pushes.seed}, {pushes.date}."
        if pushes and pushes.pushes
        else NOT_YET,
    )


def _summary(results: Results) -> str:
    kills = results.kills
    struck = sum(killed.stage != "ended before" for killed in kills)
    twice = sum(len(killed.ways) > 1 for killed in kills)
    wrong = sum(bool(killed.wrong) for killed in kills)
    return (
        f"{len(kills)} releases, of which {struck} were struck before they ended, and {twice} again while they were"
        f" finished; {wrong} ended wrong. Seed {results.seed}, {results.date}."
    )
