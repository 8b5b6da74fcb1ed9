"""The table at the end of a run, and what to do next. Pure: the same record gives the same text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from pipelines.model import Examined, Severity
from pipelines.moves import TagMove
from pipelines.release import Release, ServiceRelease, by_severity
from pipelines.report.plain import plain
from pipelines.report.trace import in_short
from pipelines.report.verdict import indented, registries, verdict
from pipelines.trace import Trace

WIDTH = 120
"""Columns of `summary.txt`."""

_NARROW = 100

_COLOURS = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow"}


def megabytes(size: int) -> str:
    """Bytes as decimal megabytes, as registries show them."""
    return f"{size / 1e6:.1f} MB"


def text(release: Release, *, out: str, width: int = WIDTH, trace: Trace | None = None) -> str:
    """The summary as plain text, `width` columns wide."""
    return plain(render(release, out=out, width=width, trace=trace), width=width)


def render(release: Release, *, out: str, width: int = WIDTH, trace: Trace | None = None) -> RenderableType:
    """The summary for a terminal: warnings, table, verdict, next steps, and what the run took if that is known."""
    title = Text(f"Release {release.id} · {release.plan.environment} · {registries(release)}", style="bold")
    images = _images(release)
    wide = width >= _NARROW and _least_width(images) <= width
    body = [Text(), images, Text(), *_indexes(release)] if wide else list(_blocks(release))
    warnings = [Text(f"! {warning}", style="bold yellow") for warning in warnings_of(release)]
    parts: list[RenderableType] = [*warnings, title, *body, *verdict(release)]
    parts.append(Text(f"Reports and record: {out}", style="dim", overflow="fold"))
    took = [Text(line, style="dim", overflow="fold") for line in in_short(trace)] if trace else []
    return Group(*parts, *_next(release, width if wide else 0), *took)


def _least_width(table: Table) -> int:
    """Columns that the table needs for no word of it to be cut."""
    console = Console(file=io.StringIO(), width=10_000)
    return Measurement.get(console, console.options, table).minimum


def warnings_of(release: Release) -> list[str]:
    """Why it is no release, whatever passed."""
    warnings = []
    if release.sample:
        warnings.append("SAMPLE advisory database: this scan found only what the sample lists. Not fit for release.")
    if release.database is None:
        warnings.append("Scanning was turned off (--no-scan). Not fit for release.")
    if release.rebuilt:
        warnings.append(
            "The base images were rebuilt on this machine in place of the official ones. Not fit for release."
        )
    return warnings


def _images(release: Release) -> Table:
    """One row for each image. Only the findings wrap, between words."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("service", "platform", "digest"):
        table.add_column(name, no_wrap=True)
    # The least widths are those of "1000.0 MB" and "14 critical,".
    table.add_column("size", justify="right", no_wrap=True, min_width=9)
    table.add_column("packages", justify="right", no_wrap=True)
    table.add_column("findings", min_width=12)
    table.add_column("made", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for service in release.plan.services:
        table.add_section()
        for number, unit in enumerate(_units(release, service.name)):
            table.add_row(service.name if number == 0 else "", *_unit(unit))
    return table


def _indexes(release: Release) -> Iterator[RenderableType]:
    """One row for each service's index with its tags, which wrap; nothing if nothing was signed."""
    if not release.services:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("service", no_wrap=True)
    table.add_column("index", no_wrap=True)
    table.add_column("tags", overflow="fold")
    for service in release.plan.services:
        sealed = release.services.get(service.name)
        if sealed:
            table.add_row(service.name, sealed.index.short, tags_of(sealed))
    yield from (table, Text())


def _blocks(release: Release) -> Iterator[RenderableType]:
    """The tables' content for a narrow terminal, a few short lines for each image."""
    for service in release.plan.services:
        yield Text(f"\n{service.name}", style="bold")
        for unit in _units(release, service.name):
            platform, digest, size, packages, found, made, seconds = _unit(unit)
            yield indented(Text(f"{platform} {digest} {size}"), 2)
            yield indented(Text(f"{packages} packages, {made} in {seconds} s"), 4)
            yield indented(Text.assemble("findings: ", found), 4)
        sealed = (release.services or {}).get(service.name)
        if sealed:
            yield indented(Text(f"index {sealed.index.short}: {tags_of(sealed)}"), 2)
    yield Text()


def _units(release: Release, service: str) -> list[Examined]:
    return sorted(release.of(service), key=lambda unit: unit.image.unit.platform)


def _unit(unit: Examined) -> tuple[str | Text, ...]:
    return (
        unit.image.unit.platform,
        unit.image.digest.short,
        megabytes(unit.image.size),
        str(len(unit.packages)),
        findings(unit),
        unit.made,
        f"{unit.seconds:.1f}",
    )


def findings(unit: Examined) -> Text:
    """Counts by severity in words, for example `1 critical, 2 high`."""
    text = Text() if unit.scan else Text("not scanned", style="yellow")
    for severity, count in by_severity([unit]).items():
        if count:
            text.append(", " if text else "")
            text.append(f"{count} {severity.name.lower()}", style=_COLOURS.get(severity, ""))
    if unit.secrets:
        text.append(", " if text else "")
        text.append(f"{unit.secrets} secret{'s' if unit.secrets > 1 else ''}", style="bold red")
    return text or Text("none", style="green")


def tags_of(sealed: ServiceRelease) -> str:
    """The tags of a service, with what became of each; by registry, where that differs."""
    if not sealed.places:
        return "none (not pushed)"
    named = [(place.target, ", ".join(f"{move.tag}{_stays(move)}" for move in place.tags)) for place in sealed.places]
    if len({tags for _, tags in named}) == 1:
        return named[0][1]
    return "; ".join(f"{target.registry}: {tags}" for target, tags in named)


def _stays(move: TagMove) -> str:
    if move.kept:
        return f" (stays: {move.kept})"
    return "" if move.before != move.after else " (there already)"


def _next(release: Release, width: int) -> Sequence[RenderableType]:
    """What to run next; where one does not fit beside its label, each command on lines of its own."""
    if release.state != "published":
        return []
    service = release.plan.published[0]
    tag = (release.services or {})[service.name].places[0].tags[0].tag
    reference = service.repository.tagged(tag)
    verify = f"sealift verify --service {service.name} --tag {tag}"
    plain = f"cosign verify --key $(sealift keys --public) --insecure-ignore-tlog=true {reference}"
    commands = {
        "Pull one:": f"docker pull {reference}",
        "Verify it:": verify,
        # Without a key, who must have signed is said by the configuration, and Cosign's commands are longer.
        "or:": plain if release.public_key else f"{verify} --commands | sh",
    }
    beside = [f"{label:<12}{command}" for label, command in commands.items()]
    if max(map(len, beside)) <= width:
        return [Text(line) for line in beside]
    return [part for label, command in commands.items() for part in (Text(label), indented(Text(command), 2))]
