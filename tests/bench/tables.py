"""A scenario's results as tables: for the terminal and for the document."""

from __future__ import annotations

from rich.table import Table

from tests.bench.figures import FIGURES, ratio, spread
from tests.bench.samples import Results

TITLES = {"buildkit": "BuildKit", "sealift-build": "Sealift, build", "sealift-gate": "Sealift, build-all"}


def rows(results: Results) -> list[list[str]]:
    """Header and rows: each figure for each subject that was run, and its ratios to BuildKit's."""
    subjects = [name for name in TITLES if results.of(name)]
    others = [name for name in subjects if name != "buildkit"] if "buildkit" in subjects else []
    header = ["", *(TITLES[name] for name in subjects), *(f"{TITLES[name]} ÷ BuildKit" for name in others)]
    lines = [header]
    for figure in FIGURES:
        spreads = [spread(results, name, figure) for name in subjects]
        ratios = [ratio(results, name, figure) for name in others]
        if any(spreads):
            values = [item.text(figure.digits) if item else "" for item in spreads]
            lines.append([figure.title, *values, *(item.text(2) if item else "" for item in ratios)])
    return lines


def table(title: str, lines: list[list[str]]) -> Table:
    """Header and rows, for the terminal."""
    header, *body = lines
    made = Table(title=title)
    for name in header:
        made.add_column(name)
    for line in body:
        made.add_row(*line)
    return made


def markdown(lines: list[list[str]]) -> str:
    """Header and rows, in Markdown."""
    header, *body = lines
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in (header, ["---"] * len(header), *body))
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
