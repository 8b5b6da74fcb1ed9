from __future__ import annotations

from tests.bench.samples import Results, Step
from tests.bench.targets import TARGETS, Verdict, judge
from tests.unit.bench.conftest import MakeResults, MakeSample


def verdict(title: str, *kept: Results) -> Verdict:
    target = next(target for target in TARGETS if target.title == title)
    return judge(target, {results.scenario: results for results in kept})


def test_nothing_is_met_that_was_not_measured() -> None:
    verdicts = [judge(target, {}) for target in TARGETS]
    assert {item.met for item in verdicts} == {None}
    assert {item.value for item in verdicts} == {"not measured"}


def test_a_scenario_without_the_subject_is_not_measured(results: MakeResults, sample: MakeSample) -> None:
    assert verdict("build-all, nothing changed", results("nothing", sample("buildkit", 1.0))).met is None


def test_the_cold_build_is_compared_by_pair(results: MakeResults, sample: MakeSample) -> None:
    title = "build and push, cold, over plain BuildKit"
    good = results("cold", sample("buildkit", 100.0), sample("sealift-build", 125.0))
    assert verdict(title, good) == Verdict(title=title, limit="≤ 1.25 times", value="1.25 times", met=True)
    bad = results("cold", sample("buildkit", 100.0), sample("sealift-build", 126.0))
    assert verdict(title, bad).met is False


def test_a_warm_build_may_take_four_seconds_more(results: MakeResults, sample: MakeSample) -> None:
    title = "build and push, one source file changed, beyond plain BuildKit"
    kept = results("source", sample("buildkit", 3.0), sample("sealift-build", 7.5))
    assert verdict(title, kept) == Verdict(title=title, limit="≤ 4 s", value="4.5 s", met=False)


def test_one_layer_byte_is_too_much(results: MakeResults, sample: MakeSample) -> None:
    title = "build-all, nothing changed: layer bytes uploaded"
    assert verdict(title, results("nothing", sample("sealift-gate", 9.0, uploaded=900))).met is True
    assert verdict(title, results("nothing", sample("sealift-gate", 9.0, uploaded=900, layers=1))).met is False


def test_only_the_changed_service_may_be_made_again(results: MakeResults, sample: MakeSample) -> None:
    title = "build-all, one source file changed: units of other services made again"
    own = ["embeddings linux/amd64", "embeddings linux/arm64"]
    assert verdict(title, results("source", sample("sealift-gate", 9.0, made=own))).met is True
    other = results("source", sample("sealift-gate", 9.0, made=[*own, "aidb linux/amd64"]))
    assert verdict(title, other) == Verdict(title=title, limit="≤ 0", value="1", met=False)
    assert verdict(title, results("source", sample("sealift-gate", 9.0))).met is None


def test_one_platform_is_compared_with_both(results: MakeResults, sample: MakeSample) -> None:
    title = "build, cold, both platforms over amd64 alone"
    both = results("cold", sample("sealift-build", 140.0))
    assert verdict(title, both).met is None
    found = verdict(title, both, results("cold-amd64", sample("sealift-build", 100.0)))
    assert (found.value, found.met) == ("1.40 times", False)


def test_an_emulated_process_in_a_build_counts(results: MakeResults, sample: MakeSample) -> None:
    title = "emulated processes in a cold build"
    # build-all boots the images of the other platform, which is emulated and is no build step.
    booted = sample("sealift-gate", 9.0, emulated={"/usr/bin/python3 -m aidb": 1})
    probed = sample("sealift-build", 9.0, emulated={"/check /check": 3})
    assert verdict(title, results("cold", probed, booted)).met is True
    assert (
        verdict(title, results("cold", sample("sealift-build", 9.0, emulated={"/usr/bin/gcc": 2}), booted)).met is False
    )


def test_examining_may_be_a_quarter_of_the_stages(results: MakeResults, sample: MakeSample) -> None:
    title = "SBOM and scan, share of a cold build-all's stages"
    steps = [Step(name=name, unit="web", began=0.0, seconds=s) for name, s in (("build", 6), ("sbom", 1), ("scan", 3))]
    assert verdict(title, results("cold", sample("sealift-gate", 10.0, steps=steps))).value == "40 %"


def test_wall_is_judged_by_critical_path_or_by_cpu(results: MakeResults, sample: MakeSample) -> None:
    title = "build-all, nothing changed: wall over the greater of critical path and CPU seconds per core"
    steps = [Step(name="build", unit="web", began=0.0, seconds=8.0)]
    waits = results("nothing", sample("sealift-gate", 12.0, cpu=2.0, steps=steps))
    assert verdict(title, waits) == Verdict(title=title, limit="≤ 1.25 times", value="1.50 times", met=False)
    computes = results("nothing", sample("sealift-gate", 12.0, cpu=24.0, steps=steps))
    assert verdict(title, computes).value == "1.00 times"
