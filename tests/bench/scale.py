"""`make bench-scale`: how cost grows with the number of services. Not part of `make test`."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from ci.local.up import make_setup
from pipelines.errors import SealiftError
from tests.bench.__main__ import ROOT, write
from tests.bench.bench import commit_of, prepared
from tests.bench.checkout import Checkout
from tests.bench.generated import Generated
from tests.bench.growth import FOLDERS, KINDS, load_growth, name_of, rows
from tests.bench.scenarios import Scenario
from tests.bench.tables import table
from tests.bench.targets import GATE, PLAIN


def scenario(kind: str, count: int) -> Scenario:
    """What is built of the generated repository."""
    edits = {"sources": lambda checkout: checkout.all_sources(), "nothing": Checkout.nothing}
    title = f"{KINDS[kind]}, {count} service(s)"
    return Scenario(name=name_of(kind, count), title=title, edit=edits[kind], platforms=("linux/amd64",))


@click.command()
@click.option("--services", "counts", multiple=True, type=click.IntRange(1), default=(1, 6, 24, 96), show_default=True)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), default=tuple(KINDS), show_default=True)
@click.option("--runs", default=3, show_default=True, help="Runs of each subject.")
@click.option("--engines", type=click.IntRange(1, 2), default=1, show_default=True, help="That build-all builds on.")
@click.option("--keep-cache", is_flag=True, help="Do not empty the engine's cache first: others use that engine.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "dist/bench", help="Folder of the results.")
def scale(
    *, counts: tuple[int, ...], kinds: tuple[str, ...], runs: int, engines: int, keep_cache: bool, out: Path
) -> None:
    """Measure, print, keep, and write docs/benchmarks.md if there are results of the other scenarios too."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    setup = make_setup(os.environ, lambda line: click.echo(line, err=True))
    kept = out / FOLDERS[engines]
    for count in counts:
        make = partial(Generated.make, count=count)
        with prepared(
            setup, make, only=(PLAIN, GATE), logs=kept / "logs", empty=not keep_cache, second=engines == 2
        ) as ready:
            for kind in kinds:
                ready.run(scenario(kind, count), rounds=runs, commit=commit_of(ROOT), out=kept)
    for kind, by_count in load_growth(out, engines).items():
        console.print(table(KINDS[kind], rows(by_count)))
    if any(out.glob("*.json")):
        write(console, out)


if __name__ == "__main__":
    # So that what was started is stopped, as with Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        scale()
    except SealiftError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
