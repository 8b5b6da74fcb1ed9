"""Runs scenarios: subjects in alternating order, results kept after each run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ci.local.machine import locals_of
from ci.local.setup import Setup
from ci.local.up import up
from pipelines.errors import EngineError
from tests.bench.buildkit import BuildKit
from tests.bench.checkout import Checkout
from tests.bench.machine import describe
from tests.bench.meter import Meter
from tests.bench.samples import Results, Sample, save
from tests.bench.scenarios import Scenario
from tests.bench.sealift import Sealift
from tests.bench.subject import Subject, Work
from tests.bench.target import Target
from tests.faults.machine import Machine, held
from tests.scratch import ROOT

_PORTS = (5601, 5603)
"""Of the target registries, BuildKit's and Sealift's; each has its metrics on the next port."""

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that is up while the benchmark runs."""

    checkout: Checkout
    plan: Mapping[str, Any]
    subjects: Sequence[Subject]
    logs: Path
    report: Report

    def run(self, scenario: Scenario, *, rounds: int, commit: str, out: Path | None) -> Results:
        """Run a scenario.

        :param out: folder that receives the results, after each run, so that a benchmark that is stopped keeps them.
        """
        if not scenario.cold:
            for subject in self.subjects:
                self.report(f"{scenario.name}: warming {subject.name}")
                self._once(scenario, subject, -1)
        date = datetime.now(UTC).date().isoformat()
        results = Results(scenario=scenario.name, commit=commit, date=date, machine=describe(), samples=())
        for number in range(rounds):
            for subject in rotated(self.subjects, number):
                sample = self._once(scenario, subject, number)
                results = replace(results, samples=(*results.samples, sample))
                self.report(f"{scenario.name}: run {number + 1} of {rounds}, {subject.name}: {sample.usage.wall:.1f} s")
                if out is not None:
                    save(results, out)
        return results

    def _once(self, scenario: Scenario, subject: Subject, number: int) -> Sample:
        if scenario.cold:
            subject.empty()
        scenario.edit(self.checkout)
        work = Work(root=self.checkout.root, plan=self.plan, scenario=scenario)
        log = self.logs / f"{scenario.name}-{subject.name}-{number}.log"
        log.unlink(missing_ok=True)
        subject.before()
        meter = Meter(engine=subject.engine(), log=log)
        with meter:
            made = subject.run(work, meter)
        return Sample(subject=subject.name, round=number, usage=meter.usage, moved=subject.moved(), outcome=made())


def rotated(subjects: Sequence[Subject], number: int) -> list[Subject]:
    """Another one first in each round: what the machine does besides hits each of them."""
    first = number % len(subjects)
    return [*subjects[first:], *subjects[:first]]


@contextmanager
def prepared(
    setup: Setup,
    make: Callable[[Path], Checkout],
    *,
    logs: Path,
    services: Sequence[str] = (),
    only: Sequence[str] = (),
    empty: bool = True,
    second: bool = False,
) -> Iterator[Bench]:
    """Bring up engine, buildkitd and target registries; take down what is the benchmark's own at the end.

    :param make: makes the repository that is built, in a folder that is not there yet.
    :param services: only these; all if empty.
    :param only: only these subjects; all if empty.
    :param second: `build-all` builds on a second engine too, on a machine of its own on these same cores.
    :param empty: prune the engine's cache first, which is everybody's who uses that engine.
    """
    running = up(setup)
    if running.mode != "assembled":
        raise EngineError(
            "the benchmark measures an engine that Sealift assembled, and this one is another",
            remedy="unset _EXPERIMENTAL_DAGGER_RUNNER_HOST; it must not find the official images either",
        )
    _, mirror = locals_of(setup)
    folder = setup.paths.state / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="sealift-bench-")))
        checkout = make(work / "repository")
        theirs, ours = (Target(setup, folder / f"target-{port}", port) for port in _PORTS)
        for target in (theirs, ours):
            stack.callback(target.stop)
            target.start()
        buildkit = BuildKit(setup, mirror, theirs, folder / "buildkit")
        stack.callback(buildkit.stop)
        buildkit.start()
        other = stack.enter_context(_machine(running.environment)) if second else None
        sealifts = [
            Sealift(setup, running.environment, ours, folder, gate=gate, second=other) for gate in (False, True)
        ]
        every: list[Subject] = [buildkit, *sealifts]
        subjects = [subject for subject in every if not only or subject.name in only]
        if empty:
            # buildkitd begins empty too; and an engine answers the slower the more it knows.
            setup.report("emptying the engine's cache")
            sealifts[0].empty()
        plan = sealifts[0].plan(checkout.root, services)
        yield Bench(checkout=checkout, plan=plan, subjects=subjects, logs=logs, report=setup.report)


@contextmanager
def _machine(env: Mapping[str, str]) -> Iterator[Machine]:
    """A second engine, cold."""
    with TemporaryDirectory(prefix="sealift-") as folder, held(Path(folder), {**env, "PYTHONPATH": str(ROOT)}) as made:
        made.up()
        yield made


def commit_of(repository: Path) -> str:
    """The commit that is measured, marked if there are changes beyond it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=, and changes", "--exclude=*"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
