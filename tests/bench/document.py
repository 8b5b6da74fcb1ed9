"""Writes docs/benchmarks.md from the results that are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from string import Template

from pipelines.errors import ConfigError
from tests.bench.growth import NO_GROWTH, Growth, growth_text
from tests.bench.machine import cores
from tests.bench.profile import Profile, profile
from tests.bench.samples import Results, Sample, load
from tests.bench.scenarios import SCENARIOS
from tests.bench.tables import TITLES, markdown, rows
from tests.bench.targets import GATE, TARGETS, Kept, judge

_TEMPLATE = Path(__file__).parent / "report.md"
_PROFILED = ("cold", "source", "nothing")


def load_all(folder: Path) -> Kept:
    """Scenario → results, in the order of the scenarios.

    :raises ConfigError: there are none, or they are of different machines.
    """
    kept = {name: load(folder / f"{name}.json") for name in SCENARIOS if (folder / f"{name}.json").exists()}
    if not kept:
        raise ConfigError(f"no results in {folder}", remedy="run 'make bench'")
    if len({tuple(sorted(results.machine.items())) for results in kept.values()}) > 1:
        raise ConfigError(
            f"the results in {folder} are of different machines, or of different versions",
            remedy="remove those that are not to be reported",
        )
    return kept


def document(kept: Kept, template: str | None = None, *, growth: Growth = NO_GROWTH, two: Growth = NO_GROWTH) -> str:
    """The whole text.

    :param template: with `$` and the names of its parts; report.md, where what is written by hand is, if None.
    """
    machine = next(iter(kept.values())).machine
    text = Template(_TEMPLATE.read_text() if template is None else template).substitute(
        measured=_measured(kept),
        buildkit=machine["BuildKit"],
        targets=markdown(target_rows(kept)),
        machine=markdown([["", ""], *([label, value] for label, value in machine.items())]),
        results="\n\n".join(_results(name, results) for name, results in kept.items()),
        profiles="\n\n".join(_profiles(kept)) or "Not measured.",
        emulated=_emulated(kept),
        growth=growth_text(growth, two),
    )
    return text.rstrip() + "\n"


def target_rows(kept: Kept) -> list[list[str]]:
    """Header and rows: each target, its limit, what was measured, and whether that is enough."""
    marks = {True: "yes", False: "**no**", None: ""}
    verdicts = [judge(target, kept) for target in TARGETS]
    return [
        ["target", "limit", "measured", "met"],
        *([item.title, item.limit, item.value, marks[item.met]] for item in verdicts),
    ]


def _measured(kept: Kept) -> str:
    """When, at which commits, and how often."""
    dates = sorted({results.date for results in kept.values()})
    commits = sorted({results.commit for results in kept.values()})
    runs = sorted({len(results.of(results.samples[0].subject)) for results in kept.values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    often = str(runs[0]) if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
    missing = [name for name in SCENARIOS if name not in kept]
    gap = f" Not measured: {', '.join(missing)}." if missing else ""
    return f"Measured on {when} at commit {'; '.join(commits)}, {often} runs of each subject in each scenario.{gap}"


def _results(name: str, results: Results) -> str:
    return f"### {SCENARIOS[name].title}\n\n{markdown(rows(results))}"


def _profiles(kept: Kept) -> list[str]:
    found = []
    for name in _PROFILED:
        sample = middle(kept[name].of(GATE)) if name in kept else None
        made = profile(sample) if sample else None
        if made is not None:
            found.append(_profile(SCENARIOS[name].title, made, cores(kept[name].machine)))
    return found


def middle(samples: Sequence[Sample]) -> Sample | None:
    """The run whose wall time is the median, or the faster one of the two beside it."""
    ordered = sorted(samples, key=lambda sample: sample.usage.wall)
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def _profile(title: str, made: Profile, cores: int) -> str:
    every = sum(seconds for _, seconds in made.stages.values()) or 1.0
    stages = sorted(made.stages.items(), key=lambda item: -item[1][1])
    table = [["stage", "times", "s in all", "share"]]
    table += [[name, str(count), f"{s:.1f}", f"{100 * s / every:.0f} %"] for name, (count, s) in stages]
    path = [["critical path", "unit", "began, s", "took, s"]]
    path += [[step.name, step.unit, f"{step.began:.1f}", f"{step.seconds:.1f}"] for step in made.path]
    waited = "" if made.waited is None else f", {made.waited:.1f} s of waiting for the bound on stages at once"
    line = (
        f"Wall {made.wall:.1f} s; critical path {made.critical:.1f} s; CPU {made.cpu:.1f} s, by {cores} cores "
        f"{made.cpu / cores:.1f} s{waited}. Wall is {made.wall / made.floor(cores):.2f} times the greater."
    )
    return f"### {title}\n\n{line}\n\n{markdown(table)}\n\n{markdown(path)}"


def _emulated(kept: Kept) -> str:
    """Each command that was seen under QEMU in any run, and in how many processes of which subject."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for name, results in kept.items():
        for sample in results.samples:
            for command, count in sample.usage.emulated.items():
                seen[name, sample.subject, command] += count
    if not seen:
        return "Nothing was seen to."
    table = [["scenario", "subject", "command", "processes in all runs"]]
    table += [[name, TITLES[who], f"`{command}`", str(count)] for (name, who, command), count in sorted(seen.items())]
    return markdown(table)
