"""`sealift delta`, and what `build-all --delta` adds to a run's results: what changed since the last release."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from ci import options as opt
from ci.delta import Basis, basis, compare
from ci.output import dump
from ci.reports import add_to_job
from ci.terminal import answers, report
from pipelines.config import Flags
from pipelines.errors import ConfigError, SealiftError
from pipelines.record import read, read_file
from pipelines.release import Release
from pipelines.report import delta as shown
from pipelines.report import delta_json, delta_markdown

FILE = "delta.md"


@click.command("delta")
@click.option(
    "--against", metavar="ENV|FILE|VERSION", help="An environment's last release, a record's, or one by version or run."
)
@click.option("--env", metavar="NAME", help="Environment whose registry is asked. [default: that of the run]")
@opt.root
@opt.out
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the Markdown to this file. [default: delta.md below --out]",
)  # fmt: skip
@opt.as_json
def delta_command(
    *, against: str | None, env: str | None, root: Path, out: Path, output: Path | None, as_json: bool
) -> None:
    """Compare the run in --out with the last release, by what is attested to that: nothing is built or pulled.

    Tells of each image its size by layer, packages, vulnerabilities, licences and time. Also written as Markdown, for a
    comment on a pull request, and in GitHub Actions added to the job's summary. The run may be a rehearsal.
    """
    record = read_file(out / "release.json")
    last = basis(root, against, environment=env or record.plan.environment)
    if env is not None and against in last.found.config.environments:
        raise click.UsageError("--env and an environment in --against name two registries; give one of them")
    found = compare(root, out, record, last)
    _write(delta_markdown.markdown(found), output or out / FILE, os.environ)
    if as_json:
        dump(delta_json.as_json(found))
        return
    console = answers()
    console.print(shown.render(found, width=console.width))


def last_release(root: Path, delta: str | None, flags: Flags) -> Basis | None:
    """What `--delta` names, before anything is built.

    :raises ConfigError: as `basis`.
    """
    return basis(root, delta, environment=flags.env) if delta else None


def add_delta(release: Release, root: Path, out: Path, last: Basis | None, environ: Mapping[str, str]) -> None:
    """Compare a run that has ended; write `delta.md`, and in GitHub Actions add it to the job's summary.

    That there is no way to compare is said there, and changes nothing of the run: it was judged already.

    :param last: None if nobody asked.
    """
    if last is None:
        (out / FILE).unlink(missing_ok=True)  # one of an earlier run is not about this one
        return
    record = read(release.text(), out / "release.json")
    try:
        text = delta_markdown.markdown(compare(root, out, record, last))
    except SealiftError as failure:
        text = delta_markdown.not_compared(failure.what)
        report(f"Not compared with the last release: {failure}")
    _write(text, out / FILE, environ)


def _write(text: str, file: Path, environ: Mapping[str, str]) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the comparison cannot be written to {file}: {error.strerror}",
            remedy="name another file with --output",
            step="delta",
        ) from error
    add_to_job(text, environ)
