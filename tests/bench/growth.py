"""How the cost grows with the number of services: tables and a curve for the document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.bench.figures import MIB, Figure, pairs, spread
from tests.bench.samples import Results, load
from tests.bench.tables import TITLES, markdown
from tests.bench.targets import GATE, PLAIN

FOLDERS = {1: "scale", 2: "scale-two-engines"}
"""Number of engines → where below the folder of the other results theirs are."""

KINDS = {"sources": "A source file of every service changed", "nothing": "Nothing changed"}

Growth = Mapping[str, Mapping[int, Results]]
"""Kind → number of services → results."""

NO_GROWTH: Growth = {}

_FIGURES = (
    Figure("wall, s", lambda sample: sample.usage.wall),
    Figure("CPU of client, s", lambda sample: sample.usage.client_cpu),
    Figure("CPU of engine, s", lambda sample: sample.usage.engine_cpu),
    Figure("peak memory of client, MiB", lambda sample: sample.usage.client_memory / MIB, digits=0),
    Figure("peak memory of engine, MiB", lambda sample: sample.usage.engine_memory / MIB, digits=0),
    Figure("requests", lambda sample: sample.moved.requests, digits=0),
)


def name_of(kind: str, count: int) -> str:
    """A scenario's name, and that of its file."""
    return f"{kind}-{count}"


def load_growth(folder: Path, engines: int = 1) -> Growth:
    """What was kept, in the order of the numbers; nothing if nothing was."""
    found: dict[str, dict[int, Results]] = {}
    for kind in KINDS:
        files = {int(file.stem.rpartition("-")[2]): file for file in (folder / FOLDERS[engines]).glob(f"{kind}-*.json")}
        if files:
            found[kind] = {count: load(files[count]) for count in sorted(files)}
    return found


def growth_text(growth: Growth, two: Growth = NO_GROWTH) -> str:
    """Tables and curves; or that there are none.

    :param two: on two engines.
    """
    if not growth:
        return "Not measured yet."
    parts = [_kind(KINDS[kind], by_count) for kind, by_count in growth.items()]
    parts += [_kind(f"{KINDS[kind]}, on two engines", by_count) for kind, by_count in two.items()]
    return "\n\n".join(parts)


def rows(by_count: Mapping[int, Results]) -> list[list[str]]:
    """Header and rows: a row for each number and subject."""
    header = [
        "services",
        "",
        *(figure.title for figure in _FIGURES),
        "beyond BuildKit, s a service",
        "requests a service",
    ]
    lines = [header]
    for count, results in by_count.items():
        for subject in (name for name in (PLAIN, GATE) if results.of(name)):
            spreads = [spread(results, subject, figure) for figure in _FIGURES]
            texts = [item.text(figure.digits) if item else "" for item, figure in zip(spreads, _FIGURES, strict=True)]
            requests = spreads[-1]
            each = f"{requests.median / count:.1f}" if requests else ""
            lines.append([str(count), TITLES[subject], *texts, beyond(results, subject, count), each])
    return lines


def beyond(results: Results, subject: str, count: int) -> str:
    """Wall seconds beyond BuildKit's in the same round, for each service; empty for BuildKit itself."""
    if subject == PLAIN:
        return ""
    found = pairs(
        results.of(subject), results.of(PLAIN), lambda ours, theirs: (ours.usage.wall - theirs.usage.wall) / count
    )
    return found.text(2) if found else ""


def _kind(title: str, by_count: Mapping[int, Results]) -> str:
    runs = sorted({len(results.of(GATE)) for results in by_count.values()})
    first = next(iter(by_count.values()))
    often = " to ".join(dict.fromkeys((str(runs[0]), str(runs[-1]))))
    measured = f"Measured on {first.date} at commit {first.commit}, {often} run(s) of each subject."
    return f"### {title}\n\n{measured}\n\n{markdown(rows(by_count))}\n\n{curve(by_count)}"


def curve(by_count: Mapping[int, Results]) -> str:
    """Wall seconds a service over the number of services, as a chart that GitHub draws."""
    (wall, *_) = _FIGURES
    each = []
    for subject in (PLAIN, GATE):
        spreads = {count: spread(results, subject, wall) for count, results in by_count.items()}
        if all(spreads.values()):
            each.append([f"{item.median / count:.2f}" for count, item in spreads.items() if item])
    axis = ", ".join(f'"{count}"' for count in by_count)
    lines = "\n".join(f"    line [{', '.join(values)}]" for values in each)
    title = "Wall seconds a service, by services (lower line: BuildKit)"
    return f'```mermaid\nxychart-beta\n    title "{title}"\n    x-axis [{axis}]\n    y-axis "s a service"\n{lines}\n```'
