"""`make bench`: plain BuildKit and Sealift, measured against each other. Not part of `make test`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from ci.local.up import make_setup
from pipelines.errors import SealiftError
from tests.bench.bench import commit_of, prepared
from tests.bench.checkout import Checkout
from tests.bench.document import document, load_all, target_rows
from tests.bench.growth import load_growth
from tests.bench.scenarios import SCENARIOS
from tests.bench.tables import rows, table

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/benchmarks.md"
SUBJECTS = ("buildkit", "sealift-build", "sealift-gate")


@click.command()
@click.option("--scenario", "names", multiple=True, type=click.Choice(list(SCENARIOS)), help="Only this. Repeatable.")
@click.option("--runs", default=5, show_default=True, help="Runs of each subject.")
@click.option("--service", "services", multiple=True, help="Only this service; nothing is kept then. Repeatable.")
@click.option("--subject", "only", multiple=True, type=click.Choice(SUBJECTS), help="Only this; nothing is kept then.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "dist/bench", help="Folder of the results.")
@click.option("--report", is_flag=True, help="Measure nothing; write docs/benchmarks.md from what is kept.")
def bench(
    *, names: tuple[str, ...], runs: int, services: tuple[str, ...], only: tuple[str, ...], out: Path, report: bool
) -> None:
    """Measure, print, keep, and write docs/benchmarks.md from all that is kept."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    kept = None if services or only else out
    if not report:
        _measure(console, names or tuple(SCENARIOS), runs, services, only, out, kept)
    if kept is not None:
        write(console, kept)


def write(console: Console, kept: Path) -> None:
    """Write docs/benchmarks.md from all that is kept."""
    results = load_all(kept)
    console.print(table("Targets", target_rows(results)))
    DOCUMENT.write_text(document(results, growth=load_growth(kept), two=load_growth(kept, 2)))
    console.print(f"wrote {DOCUMENT.relative_to(ROOT)}")


def _measure(
    console: Console,
    names: Sequence[str],
    runs: int,
    services: Sequence[str],
    only: Sequence[str],
    out: Path,
    kept: Path | None,
) -> None:
    setup = make_setup(os.environ, lambda line: click.echo(line, err=True))
    make = partial(Checkout.clone, ROOT)
    with prepared(setup, make, services=services, only=only, logs=out / "logs") as ready:
        for name in names:
            results = ready.run(SCENARIOS[name], rounds=runs, commit=commit_of(ROOT), out=kept)
            console.print(table(f"{SCENARIOS[name].title}: median (range) of {runs} runs", rows(results)))


if __name__ == "__main__":
    # So that what was started is stopped, as with Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        bench()
    except SealiftError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
