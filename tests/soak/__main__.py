"""`make soak`: releases killed at random events, and pushes to a registry that fails. Takes hours."""

from __future__ import annotations

import secrets
import shlex
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from tests.bench.tables import table
from tests.scratch import ROOT, SEALIFT, run
from tests.soak import pushes as pushing
from tests.soak.killed import Killed
from tests.soak.results import Results, document, kill_rows, push_rows
from tests.soak.workers import kill_all

DOCUMENT = ROOT / "docs/reliability.md"
KILLS, PUSHES = "kills.json", "pushes.json"


@click.command()
@click.option("--seed", type=int, help="Repeat what was drawn with it. [default: another one each time, printed]")
@click.option("--kills", default=200, show_default=True, help="Releases that are killed and resumed.")
@click.option("--at-once", default=2, show_default=True, help="Processes that kill, each with registries of its own.")
@click.option("--pushes", default=1000, show_default=True, help="Pushes through a proxy that fails 5 % of requests.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "dist/soak", help="Folder of the results.")
@click.option("--report", is_flag=True, help="Run nothing; write docs/reliability.md from what is kept.")
def soak(*, seed: int | None, kills: int, at_once: int, pushes: int, out: Path, report: bool) -> None:
    """Kill, resume, push, print, keep, and write docs/reliability.md. Exit code 1 if anything did not hold."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    if not report:
        drawn = secrets.randbelow(2**31) if seed is None else seed
        console.print(f"seed {drawn}: repeat with --seed {drawn} --at-once {at_once}")
        _run(console, drawn, kills, at_once, pushes, out)
    found = {name: Results.load(out / name) if (out / name).exists() else None for name in (KILLS, PUSHES)}
    killed, pushed = found[KILLS], found[PUSHES]
    if killed:
        console.print(table("Killed and resumed", kill_rows(killed.kills)))
    if pushed and pushed.pushes:
        console.print(table("Pushes", push_rows(pushed.pushes)))
    DOCUMENT.write_text(document(killed, pushed))
    console.print(f"wrote {DOCUMENT.relative_to(ROOT)}")
    sys.exit(0 if all(results is None or results.well for results in found.values()) else 1)


def _run(console: Console, seed: int, kills: int, at_once: int, pushes: int, out: Path) -> None:
    def said(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    engine = _engine()
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    ended: list[Killed] = []
    for killed in kill_all(engine, seed, kills, at_once, out, said):
        ended.append(killed)
        Results(seed=seed, date=date, kills=ended).save(out / KILLS)
    if pushes:
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            done = pushing.run(engine, Path(folder), seed, pushes, said)
        Results(seed=seed, date=date, pushes=done).save(out / PUSHES)


def _engine() -> Mapping[str, str]:
    """The variables that point at the engine, which is up."""
    lines = run([*SEALIFT, "env"]).stdout.splitlines()
    words = [shlex.split(line)[1].partition("=") for line in lines]
    return {name: value for name, _, value in words} | {"DAGGER_NO_NAG": "1"}


if __name__ == "__main__":
    soak()
