"""How what registries hold, and what became of trying them, is printed for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ci.terminal import fold, say
from pipelines.registry.check import STEPS, Checked
from pipelines.registry.holdings import Version

_NARROW = 76
_WIDE = 110
"""Columns that the table of checks, and that of versions, need."""
_MARKS = {"ok": "✓", "failed": "✗", "skipped": "-", "unsupported": "none"}


def table(*names: str) -> Table:
    """A table as all these commands have it."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        made.add_column(name, overflow="fold")
    return made


def _line(console: Console, text: str, style: str = "") -> None:
    """A line, folded where there is a terminal."""
    say(console, Text(fold(text, console.width if console.file.isatty() else None), style=style))


def write_checked(console: Console, results: Sequence[Checked]) -> None:
    """A line for each registry, then what failed and what to do about it."""
    if console.width >= _NARROW:
        made = table("registry", "kind", *STEPS)
        for result in results:
            made.add_row(result.registry, result.kind, *(_MARKS[step.state] for step in result.steps))
        console.print(made)
    else:
        for result in results:
            marks = "  ".join(f"{step.name} {_MARKS[step.state]}" for step in result.steps)
            _line(console, f"{result.registry} ({result.kind})\n  {marks}")
    for result in results:
        for step in result.steps:
            if step.state == "failed":
                _line(console, f"✗ {result.registry} {step.name}: {step.problem} problem", "bold")
                _line(console, f"    {step.note}")
                _line(console, f"    remedy: {step.remedy}")
            elif step.note:
                _line(console, f"  {result.registry} {step.name}: {step.note}")
    failed = sum(bool(result.failed) for result in results)
    total = f"{len(results)} registries" if len(results) != 1 else "1 registry"
    console.print(f"{failed} of {total} failed." if failed else f"{total}: in order.")


def write_versions(console: Console, listed: Sequence[tuple[str, Sequence[Version], int]]) -> None:
    """The versions of each service, the newest first; a few lines each where the terminal is narrow."""
    for name, versions, total in listed:
        more = f", the newest {len(versions)}" if total > len(versions) else ""
        count = f"{total} version{'' if total == 1 else 's'}{more}" if total else "nothing"
        place = f" at {versions[0].repository}" if versions else ""
        _line(console, f"{name}: {count}{place}", "bold")
        if not versions:
            continue
        if console.width >= _WIDE:
            console.print(_versions(versions))
        else:
            for one in versions:
                signed = "signed" if one.signed else "not signed"
                _line(console, ", ".join(one.tags))
                _line(console, f"  {one.digest.short}, {_day(one.created)}, {_size(one.size)}, {signed}")
                if one.release:
                    _line(console, f"  {one.release}")


def _versions(versions: Sequence[Version]) -> Table:
    made = table("tags", "digest", "created", "size", "platforms", "signed", "release")
    for one in versions:
        made.add_row(
            ", ".join(one.tags), one.digest.short, _day(one.created), _size(one.size),
            ", ".join(name.removeprefix("linux/") for name in one.platforms), "yes" if one.signed else "no",
            one.release or "",
        )  # fmt: skip
    return made


def write_inspected(console: Console, version: Version, *, verified: bool) -> None:
    """Everything of one image."""
    for label, text in (
        ("Image", f"{version.repository}@{version.digest}"),
        ("Tags", ", ".join(version.tags) or "none"),
        ("Created", version.created or "not said"),
        ("Release", version.release or "no record"),
        ("Attached", ", ".join(version.attached) or "nothing"),
        ("Verified", "signatures and SBOMs of all platforms" if verified else "no (--verify does it)"),
    ):
        console.print(Text(f"{label:<9} {text}"), soft_wrap=True)
    for name, image in version.platforms.items():
        console.print(Text(f"{name}  {_size(image.size)} in {len(image.layers)} layers", style="bold"))
        for label, text in (
            ("digest", image.digest),
            ("layers", ", ".join(map(_size, image.layers))),
            ("user", image.user or "root"),
            ("attached", ", ".join(image.attached) or "nothing"),
        ):
            console.print(Text(f"  {label:<9} {text}"), soft_wrap=True)
    labels = {key: value for image in version.platforms.values() for key, value in image.labels.items()}
    if labels:
        console.print(Text("Labels", style="bold"))
        for key, value in sorted(labels.items()):
            console.print(Text(f"  {key}={value}"), soft_wrap=True)


def _day(created: str) -> str:
    """Date and time to the minute, as the image says it."""
    return created[:16].replace("T", " ") or "not said"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def write_pulled(console: Console, rows: Sequence[Mapping[str, str | None]], tool: str | None) -> None:
    """What was fetched, and where it is."""
    for row in rows:
        places = ", ".join(filter(None, (row["file"], f"in {tool} as {row['image']}" if tool else None)))
        console.print(Text(f"{row['service']}: {str(row['digest'])[7:19]} verified; {places}"), soft_wrap=True)


def write_copied(console: Console, rows: Sequence[Mapping[str, str]]) -> None:
    """What was copied, and where to."""
    for row in rows:
        console.print(Text(f"{row['service']}: {row['digest'][7:19]} copied to {row['to']}, verified"), soft_wrap=True)
    console.print("No tag moved: 'sealift promote' does that.")
