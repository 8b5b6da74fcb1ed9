"""`sealift trace`: what decided about the last run's time, and what its caches saved."""

from __future__ import annotations

from pathlib import Path

import click

from ci import options as opt
from ci.output import dump
from ci.terminal import answers
from pipelines import trace
from pipelines.errors import ConfigError
from pipelines.report import trace as report
from pipelines.report.trace_table import render


def write_trace(made: trace.Trace, out: Path) -> None:
    """Write `trace.json` below `out`.

    :raises ConfigError: the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / trace.FILE).write_text(made.text(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the trace cannot be written to {out}: {error.strerror}", remedy="name another folder with --out"
        ) from error


@click.command("trace")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@opt.out
@opt.as_json
def trace_command(file: Path | None, out: Path, as_json: bool) -> None:
    """Show where the time of the last build-all or publish went, from FILE or trace.json below --out.

    The critical path is the chain of stages that the end of the run waited for.
    """
    made = trace.read(file or out / trace.FILE)
    if as_json:
        dump(report.as_json(made))
    else:
        console = answers()
        console.print(render(made, width=console.width))
