"""A run against the last release, for people at a terminal; and the words for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.text import Text

from pipelines.changes import LayerChange, PackageChange
from pipelines.delta import Delta, PlatformDelta, Seen, ServiceDelta
from pipelines.model import Finding
from pipelines.report.rows import drawn
from pipelines.rescanned import by_severity

_WIDE = 110
"""Columns that the table needs."""

COLUMNS = ("service", "platform", "size", "layers", "packages", "new findings", "fixed", "licences", "time")


NOT_HERE, NOT_THERE = "this run has not scanned", "no scan of the release is attested"


def render(delta: Delta, *, width: int) -> RenderableType:
    """A line for each service that is the same, new or gone; a table of the others, and what changed in each."""
    parts: list[RenderableType] = [Text(headline(delta), style="bold")]
    changed = list(changed_in(delta))
    if changed:
        parts.append(drawn(COLUMNS, map(cells, changed), wide=width >= _WIDE))
    parts += [Text(f"- {one.service}: {line}") for one, line in lines(delta)]
    for one in changed:
        told = list(_told(one))
        parts += [Text(str(one.unit), style="bold"), *(Text(f"  {line}", overflow="fold") for line in told)] * bool(
            told
        )
    return Group(*parts)


def headline(delta: Delta) -> str:
    """What is compared with what, as text."""
    where = f"{delta.environment} at {delta.registry}"
    if not delta.releases:
        return f"{delta.run}: there is no release of {where} yet, and so nothing to compare with."
    names = [f"{version} ({run})" if version else run for run, version in delta.releases.items()]
    return f"{delta.run} against {', '.join(names)} of {where}"


def changed_in(delta: Delta) -> Iterator[PlatformDelta]:
    """The images that the release and the run have both, and that differ."""
    for service in delta.services:
        yield from (one for one in service.platforms if one.before and one.after)


def lines(delta: Delta) -> Iterator[tuple[ServiceDelta, str]]:
    """Service, and what there is to say of it in one line."""
    for service in delta.services:
        if service.state == "same":
            yield service, "the same image"
        elif service.gone:
            yield service, "gone: the configuration has no such service any more"
        elif service.state == "new" and delta.releases:
            yield service, f"new: not in the last release{_of_new(service.platforms)}"
        elif service.state == "new":
            yield service, f"not released yet{_of_new(service.platforms)}"
        else:
            for one in service.platforms:
                if one.same:
                    yield service, f"{one.unit.platform}: the same image"
                elif one.before is None and one.after is not None:
                    yield service, f"{one.unit.platform}: new{_of_new([one])}"
                elif one.after is None:
                    yield service, f"{one.unit.platform}: the release has it, and this run has not"


def _of_new(platforms: Iterable[PlatformDelta]) -> str:
    found = [
        f"{one.unit.platform} {decimal(one.after.size)}, {len(one.after.packages)} package(s)"
        for one in platforms
        if one.after
    ]
    return f" ({'; '.join(found)})" if found else ""


def cells(one: PlatformDelta) -> tuple[str, ...]:
    """An image's row of the table, in `COLUMNS`."""
    before, after = one.before, one.after
    assert before is not None and after is not None  # noqa: S101 - `changed_in`
    kinds = Counter(change.what for change in one.packages)
    packages = ", ".join(f"{kinds[what]} {what}" for what in ("added", "removed", "changed") if kinds[what])
    new, fixed = (
        (counted([item.finding for item in one.new]), counted(one.fixed)) if one.scanned else ("not compared",) * 2
    )
    return (
        one.unit.service, one.unit.platform, f"{decimal(after.size)} ({signed(after.size - before.size)})",
        f"{len(one.layers)} changed" if one.layers else "the same", packages or "the same", new, fixed,
        f"{len(one.licences)} new" if one.licences else "none new", f"{took(after)}, before {took(before)}",
    )  # fmt: skip


def signed(size: int) -> str:
    """A difference in bytes."""
    return f"{'-' if size < 0 else '+'}{decimal(abs(size))}"


def took(seen: Seen) -> str:
    """How long an image's run took for it, and whether it was built: `12.3 s built`."""
    return f"{seen.seconds:.1f} s {seen.made}"


def counted(found: Sequence[Finding]) -> str:
    """`1 high, 2 low`; `none`."""
    named = [f"{count} {name.lower()}" for name, count in by_severity(found).items()]
    others = Counter(one.kind for one in found if one.kind != "vulnerability")
    return ", ".join([*named, *(f"{count} {kind}" for kind, count in others.items())]) or "none"


def sizes(change: LayerChange) -> tuple[str, str, str]:
    """Of a layer: before, after, and the difference."""
    old, new = ("none" if size is None else decimal(size) for size in (change.before, change.after))
    return old, new, signed((change.after or 0) - (change.before or 0))


def versions(change: PackageChange) -> tuple[str, str]:
    """Of a package: before and after."""
    return ", ".join(change.before) or "none", ", ".join(change.after) or "none"


def why(known_since: bool) -> str:
    """Whose doing a new finding is."""
    return "the advisory: the package is as it was" if known_since else "this change"


def _told(one: PlatformDelta) -> Iterator[str]:
    """The parts of an image that changed, a line each."""
    for layer in one.layers:
        old, new, more = sizes(layer)
        yield f"layer {layer.command or '(its history does not tell)'}: {old} → {new} ({more})"
    for package in one.packages:
        old, new = versions(package)
        yield f"package {package.name} ({package.kind}) {package.what}: {old} → {new}"
    for item in one.new:
        yield f"new {_named(item.finding)}, by {why(item.known_since)}"
    for finding in one.fixed:
        yield f"fixed {_named(finding)}"
    if not one.scanned:
        yield unscanned(one)
    for name, who in one.licences.items():
        yield f"licence {name} is new: {', '.join(who)}"


def unscanned(one: PlatformDelta) -> str:
    """Why the findings are not compared."""
    whose = (
        "this run has not scanned" if one.after and one.after.findings is None else "no scan of the release is attested"
    )
    return f"vulnerabilities are not compared: {whose}"


def _named(finding: Finding) -> str:
    fixed = f" (fixed in {finding.fixed})" if finding.fixed else ""
    return f"{finding.id} {finding.severity.name} in {finding.package} {finding.installed}{fixed}"
