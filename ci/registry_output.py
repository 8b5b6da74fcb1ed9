"""How what registries hold, and what became of trying them, is printed for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.registry.check import STEPS, Checked

_NARROW = 76
_MARKS = {"ok": "✓", "failed": "✗", "skipped": "-", "unsupported": "none"}


def table(*names: str) -> Table:
    """A table as all these commands have it."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        made.add_column(name, overflow="fold")
    return made


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
            console.print(Text(f"{result.registry} ({result.kind})\n  {marks}"))
    for result in results:
        for step in result.steps:
            if step.state == "failed":
                console.print(Text(f"✗ {result.registry} {step.name}: {step.problem} problem", style="bold"))
                console.print(Text(f"    {step.note}"))
                console.print(Text(f"    remedy: {step.remedy}"))
            elif step.note:
                console.print(Text(f"  {result.registry} {step.name}: {step.note}"))
    failed = sum(bool(result.failed) for result in results)
    total = f"{len(results)} registries" if len(results) != 1 else "1 registry"
    console.print(f"{failed} of {total} failed." if failed else f"{total}: in order.")
