"""What the gate said, and what it let pass for a time: the summary's last lines before what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from pipelines.findings import dismissed
from pipelines.release import Release


def verdict(release: Release) -> Iterator[RenderableType]:
    """What VEX dismissed, every excuse that was needed, then the verdict with every violation."""
    for one, there in dismissed(release.units).items():
        images = ", ".join(str(unit) for unit in there)
        yield Text(f"Dismissed as {one.status}: {one.id} in {one.package}, {images}", style="yellow")
        yield indented(Text(" ".join(filter(None, (one.statement, f"({one.file})")))), 2)
    for needed in release.excused:
        images = ", ".join(str(unit) for unit in needed.units)
        ignore = needed.ignore
        yield Text(f"Excused until {ignore.expires}: {ignore.id} in {ignore.package}, {images}", style="yellow")
        yield indented(Text(f"{ignore.reason} ({ignore.owner})"), 2)
    if release.violations:
        yield Text(f"REFUSED by the gate: {len(release.violations)} violation(s), no tag moved.", style="bold red")
        for item in release.violations:
            yield indented(Text(f"{item.service} {item.platform} {item.rule}: {item.what}"), 2)
            yield indented(Text(f"remedy: {item.remedy}"), 4)
    elif release.state == "published":
        moved = sum(move.moved for move in release.moves)
        yield Text(f"PUBLISHED to {registries(release)}: {moved} tag(s) moved.", style="bold green")
    else:
        yield Text("PASSED: signed in the quarantine, nothing was pushed.", style="bold green")


def indented(line: Text, columns: int) -> Padding:
    """A line whose further lines, if it wraps, stand below its first word."""
    line.overflow = "fold"
    return Padding(line, (0, 0, 0, columns), expand=False)


def registries(release: Release) -> str:
    """The hosts that it goes to, each once."""
    return ", ".join(dict.fromkeys(target.registry for target in release.plan.targets))
