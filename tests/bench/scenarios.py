"""What is measured: how the repository changes before a run, and what is built of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.checkout import Checkout, Edit

BOTH = ("linux/amd64", "linux/arm64")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One situation.

    :param edit: made and committed before each run of each subject.
    :param cold: the engine and the registries are emptied before each run; otherwise a run that is not measured warms
        them, once for each subject.
    :param jobs: builds at once with BuildKit, stages at once with Sealift.
    """

    name: str
    title: str
    edit: Edit
    cold: bool = False
    platforms: tuple[str, ...] = BOTH
    jobs: int = 4


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="nothing", title="Nothing changed", edit=Checkout.nothing),
        Scenario(name="source", title="One source file of one service changed", edit=Checkout.source),
        Scenario(name="lock", title="One lock file of one service changed", edit=Checkout.lock),
        Scenario(name="readme", title="README changed", edit=Checkout.readme),
        *(
            Scenario(
                name=f"jobs-{jobs}",
                title=f"One source file of every service changed, --jobs {jobs}",
                edit=Checkout.all_sources,
                jobs=jobs,
            )
            for jobs in (1, 2, 4)
        ),
        Scenario(name="cold", title="Cold, both platforms", edit=Checkout.nothing, cold=True),
        Scenario(
            name="cold-amd64", title="Cold, amd64 alone", edit=Checkout.nothing, cold=True, platforms=("linux/amd64",)
        ),
    )
}
