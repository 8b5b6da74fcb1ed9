"""The engine killed, and the client stopped, in every stage of a release; and the whole machine taken down.

Each stage has its test. What these tests look at happens once for all of them, in the fixtures: an engine that starts
again has forgotten what it knew, and finding that out sixteen times would take many minutes.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from subprocess import CompletedProcess

import pytest

from tests.faults.conftest import NewRepository
from tests.faults.machine import Machine
from tests.faults.programs import eventually
from tests.faults.strikes import STAGES, Aboard, Release, Struck, failed_in

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
SCANNED = ("key", "registry", "database", "build", "boot", "sbom", "scan")
"""Stages for which the release runs with its scan. Those after it are reached sooner without, as a rehearsal may."""
PARTS = ("quarantine", "inspect", "tools", "reports")
"""What errors may name that has no line of its own."""


@dataclass(frozen=True)
class Outcome:
    """A struck release, and what the public tag named before and after it."""

    repository: Aboard
    struck: Struck
    before: str
    after: str | None


def release_for(repository: Aboard, stage: str) -> Release:
    return Release(repository, *([] if stage in SCANNED else ["--no-scan"]))


def ended(repository: Aboard, release: Release, *, reached: bool) -> Outcome:
    struck = release.end(reached=reached)
    return Outcome(repository, struck, repository.earlier, repository.registry.digest("web", "dev"))


WITHOUT_ENGINE = ("record", "tag")
"""Stages from which on nothing needs the engine."""
LANES = (tuple(STAGES)[:8], tuple(STAGES)[8:-2], WITHOUT_ENGINE)
"""Stages whose releases are of one repository, and are started in this order: what the earlier made, the later find."""


@pytest.fixture(scope="module")
def killed(new_repository: NewRepository) -> Mapping[str, Outcome]:
    """Releases that are each held when a stage begins, are let go all at once, and then the engine is killed."""
    repositories = [new_repository("killed") for _ in LANES]
    machine = repositories[0].machine

    def held(repository: Aboard, lane: Sequence[str]) -> dict[str, tuple[Release, bool]]:
        releases = {}
        for stage in lane:
            release = release_for(repository, stage)
            releases[stage] = release, release.until(STAGES[stage])
            release.pause()
        return releases

    with ThreadPoolExecutor(len(LANES)) as pool:
        lanes = list(pool.map(held, repositories, LANES))
    before = len(machine.at_work())
    for releases in lanes:
        for release, _ in releases.values():
            release.resume()
    at_work = eventually(lambda: len(machine.at_work()) > before)
    machine.kill_engine()
    assert at_work, "the engine was not at work when it was killed"
    return {
        stage: ended(repository, release, reached=reached)
        for repository, releases in zip(repositories, lanes, strict=True)
        for stage, (release, reached) in releases.items()
    }


@pytest.mark.parametrize("stage", STAGES)
def test_the_engine_is_killed(killed: Mapping[str, Outcome], stage: str) -> None:
    outcome, said = killed[stage], killed[stage].struck.said
    assert outcome.struck.reached, said
    if stage in WITHOUT_ENGINE:
        # What has passed everything is released, and nothing is said of an engine that nobody needs any more.
        assert outcome.struck.code == 0, said
        assert outcome.repository.record()["state"] == "published"
        assert outcome.after == outcome.repository.record()["services"]["web"]["index"]
        return
    assert outcome.struck.code == 7, said
    # The place stands before it. Of the stages that were under way, any may be the first to see that it is gone.
    place = said.partition("error: ")[2].partition(": the Dagger engine was lost: ")[0].split()
    names = {failed.name for line in said.splitlines() if (failed := failed_in(line))}
    assert any(word in place for word in [*(name.split()[0] for name in names), *PARTS]), said
    assert "remedy: run 'sealift up' and then the command again" in said
    check(outcome, stage)


def check(outcome: Outcome, stage: str) -> None:
    """What holds after every accident."""
    assert "Traceback" not in outcome.struck.said
    assert outcome.struck.left == []
    if stage not in ("record", "tag"):
        assert outcome.after == outcome.before, "a public tag has moved"
    elif outcome.after != outcome.before:
        # Tags move last: what they name by then has passed everything, as the record says that was written before.
        assert outcome.after == outcome.repository.record()["services"]["web"]["index"]


def succeeded(repository: Aboard, done: CompletedProcess[str]) -> None:
    """The release was published, and the tag names what it made."""
    assert done.returncode == 0, done.stderr
    record = repository.record()
    assert record["state"] == "published"
    assert repository.registry.digest("web", "dev") == record["services"]["web"]["index"] != repository.earlier


def test_the_next_release_after_the_engine_was_killed_succeeds(killed: Mapping[str, Outcome]) -> None:
    # Of each lane's repository: of the last, everything is at the target already. They start the engine together.
    repositories = [killed[lane[-1]].repository for lane in LANES]
    with ThreadPoolExecutor(len(LANES)) as pool:
        done = list(pool.map(lambda repository: repository.sealift("build-all"), repositories))
    for repository, ended_well in zip(repositories, done, strict=True):
        succeeded(repository, ended_well)


TURNS = {number: tuple(STAGES)[place :: len(SIGNALS)] for place, number in enumerate(SIGNALS)}
"""The stages that each signal strikes. They take turns: a release for every signal in every stage takes minutes."""
STRIKES = [(stage, number) for stage in STAGES for number, stages in TURNS.items() if stage in stages]


@pytest.fixture(scope="module")
def stopped(machine: Machine, new_repository: NewRepository) -> Mapping[str, Outcome]:
    """Releases of one change that are stopped one after the other, each some stages later than the one before it.

    The release that reaches a stage is the next one after that which was stopped in a stage before, and succeeds there
    without any cleaning.
    """
    machine.up()
    repositories = {number: new_repository(number.name.lower()) for number in SIGNALS}

    def chain(number: signal.Signals) -> Mapping[str, Outcome]:
        outcomes = {}
        for stage in TURNS[number]:
            release = release_for(repositories[number], stage)
            if reached := release.until(STAGES[stage]):
                release.signal(number)
            outcomes[stage] = ended(repositories[number], release, reached=reached)
        return outcomes

    with ThreadPoolExecutor(len(SIGNALS)) as pool:
        return {stage: outcome for chained in pool.map(chain, SIGNALS) for stage, outcome in chained.items()}


@pytest.mark.parametrize(("stage", "number"), STRIKES, ids=lambda value: getattr(value, "name", value))
def test_the_client_is_stopped(stopped: Mapping[str, Outcome], stage: str, number: signal.Signals) -> None:
    outcome, said = stopped[stage], stopped[stage].struck.said
    assert outcome.struck.reached, said
    assert outcome.struck.code == SIGNALS[number], said
    if number != signal.SIGKILL:
        assert "interrupted: nothing more is running; no tag moves after this" in said
    check(outcome, stage)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_next_release_after_the_client_was_stopped_succeeds(
    stopped: Mapping[str, Outcome], number: signal.Signals
) -> None:
    repository = stopped[TURNS[number][-1]].repository
    succeeded(repository, repository.sealift("build-all"))


def test_accidents_leave_nothing_on_the_machine(machine: Machine, stopped: Mapping[str, Outcome]) -> None:
    assert eventually(lambda: machine.at_work() == []), machine.at_work()
    assert [path.name for path in machine.state.glob("*.log")] == ["engine.log"]
    assert len(machine.containers()) == 1


def test_a_machine_that_was_taken_down_comes_up_with_the_next_command(
    machine: Machine, new_repository: NewRepository
) -> None:
    repository = new_repository("down")
    done = machine.sealift("down")
    assert done.returncode == 0, done.stderr
    assert "stopped: engine, mirror, registry" in done.stderr
    assert machine.containers() == []
    assert repository.registry.digest("web", "dev") is None, "the registry still answers"
    again = machine.sealift("down")
    assert (again.returncode, again.stderr) == (0, "nothing was up\n")
    published = repository.sealift("build-all")
    assert repository.moves("web")["dev"]["before"] == repository.earlier, "images were lost"
    succeeded(repository, published)
