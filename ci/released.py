"""A release as the user sees it: run, reported and summed up."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from ci.delta_command import add_delta, last_release
from ci.output import dump
from ci.reports import write_summaries
from ci.run import execute
from ci.terminal import answers
from ci.trace_command import write_trace
from pipelines import graph
from pipelines.config import Flags
from pipelines.errors import ExitCode
from pipelines.graph import Options, Run
from pipelines.graph.partials import given
from pipelines.model import Unit
from pipelines.partial import Part
from pipelines.release import Release
from pipelines.report import summary
from pipelines.trace import Trace


def released(
    command: str,
    flags: Flags,
    root: Path,
    out: Path,
    *,
    as_json: bool,
    options: Options,
    delta: str | None = None,
    parts: Mapping[Unit, Part] = MappingProxyType({}),
) -> None:
    """A whole release, with its reports; exit code 4 if the gate refused it.

    :param delta: what it is compared with, as the user named it; None for nothing.
    :param parts: what other runs have built of it; nothing is built then.
    """
    traces: list[Trace] = []
    last = last_release(root, delta, flags)

    async def work(run: Run) -> Release:
        return await graph.release(replace(run, given=given(run.toolbox.client, parts)), out)

    def traced(trace: Trace) -> None:
        traces.append(trace)
        write_trace(trace, out)

    record = execute(
        command, root, flags, work, options=options, record=out / "release.json", traced=traced, builds=not parts
    )
    write_summaries(record, out, traces[0], os.environ)
    add_delta(record, root, out, last, os.environ)
    if as_json:
        dump(record.as_json())
    else:
        console = answers()
        console.print(summary.render(record, out=str(out), width=console.width, trace=traces[0]))
    if record.violations:
        # The table above has said everything.
        sys.exit(ExitCode.GATE)
