"""Values against goals, and how they are shown."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from rich.console import Console

from pipelines.model import Platform, Target
from pipelines.report.openmetrics import exposition
from pipelines.report.status import as_json, render, verdict
from pipelines.status import Goals, ImageState, Pull, RegistryState, checks

GOALS = Goals()
WEB = ImageState(
    service="web",
    release="20250101T000000Z-ccccccc-0000",
    version="v1.0.0",
    sizes={Platform("linux/amd64"): 48_000_000, Platform("linux/arm64"): 47_000_000},
    vulnerabilities={"HIGH": 2},
    scanned=datetime(2025, 1, 1, tzinfo=UTC),
    signed=3,
    signable=3,
)
HEALTHY = RegistryState(
    target=Target(registry="registry.example.com", prefix="shop/"),
    up=True,
    latency=0.0123,
    storage=12_000_000_000,
    on_disk=True,
    full=0.5,
    runs=20,
    published=20,
    pull=Pull(service="web", platform="linux/amd64", size=48_000_000, seconds=2.5, finished=True),
    services=(WEB, ImageState(service="api")),
)


def missed(state: RegistryState) -> set[tuple[str, str | None]]:
    return {(item.name, item.service) for item in checks(state, GOALS) if item.met is False}


def test_a_healthy_registry_misses_nothing() -> None:
    assert missed(HEALTHY) == set()


@pytest.mark.parametrize(
    ("changes", "image", "expected"),
    [
        ({"full": 0.8}, {}, ("storage", None)),
        ({"published": 19}, {}, ("push", None)),
        ({"pull": replace(HEALTHY.pull, seconds=30.0)}, {}, ("pull", "web")),  # type: ignore[type-var]
        ({"pull": replace(HEALTHY.pull, seconds=1.0, finished=False)}, {}, ("pull", "web")),  # type: ignore[type-var]
        ({}, {"sizes": {Platform("linux/amd64"): 500_000_000}}, ("size", "web")),
        ({}, {"vulnerabilities": {"CRITICAL": 1}}, ("critical", "web")),
        ({}, {"vulnerabilities": {"CRITICAL": 1}, "sample": True}, ("critical", "web")),
        ({}, {"signed": 2}, ("signed", "web")),
    ],
)
def test_each_goal_can_be_missed(
    changes: dict[str, object], image: dict[str, object], expected: tuple[str, str]
) -> None:
    state = replace(HEALTHY, **{"services": (replace(WEB, **image),), **changes})  # type: ignore[arg-type]
    assert missed(state) == {expected}


def test_what_is_not_known_is_not_missed_and_not_met() -> None:
    state = replace(HEALTHY, full=None, runs=0, published=0, pull=None, services=(ImageState(service="api"),))
    assert {item.met for item in checks(state, GOALS)} == {None}


def test_that_the_sample_database_found_nothing_says_nothing() -> None:
    (item,) = [
        item
        for item in checks(replace(HEALTHY, services=(replace(WEB, sample=True),)), GOALS)
        if item.name == "critical"
    ]
    assert item.met is None


def test_a_registry_that_is_down_is_judged_by_that_alone() -> None:
    down = RegistryState(target=HEALTHY.target, up=False, problem="connection refused")
    assert checks(down, GOALS) == ()
    assert verdict([down], GOALS).startswith("Not all of registry.example.com/shop could be asked. ")


def shown(state: RegistryState, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render(state, GOALS, width=width))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_everything_is_shown_at_any_width(width: int) -> None:
    text = " ".join(shown(HEALTHY, width).split())
    assert all(word in text for word in ("12 ms", "50% full", "20 of the last", "2.5 s", "v1.0.0", "3 of 3"))
    assert max(map(len, shown(HEALTHY, width).splitlines())) <= width


def test_openmetrics_is_read_back_by_the_reference_parser() -> None:
    down = RegistryState(target=Target(registry="other.example.com"), up=False, problem="gone")
    text = exposition([HEALTHY, down], GOALS)
    assert text.endswith("# EOF\n")
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    place = (("prefix", "shop/"), ("registry", "registry.example.com"))
    assert found["sealift_registry_up", *place] == 1
    assert found["sealift_registry_up", ("prefix", ""), ("registry", "other.example.com")] == 0
    assert found["sealift_registry_latency_seconds", *place] == 0.0123
    assert found["sealift_registry_storage_bytes", ("measure", "disk"), *place] == 12e9
    assert found["sealift_registry_push_success_ratio", *place] == 1
    image = (*place, ("service", "web"))
    assert found["sealift_image_signed_ratio", *image] == 1
    assert found["sealift_image_vulnerabilities", *image, ("severity", "high")] == 2
    assert found["sealift_image_vulnerabilities", *image, ("severity", "critical")] == 0
    assert found["sealift_image_size_bytes", ("platform", "linux/amd64"), *image] == 48e6


def test_json_says_that_signatures_were_not_verified() -> None:
    document = as_json(HEALTHY, GOALS)
    assert document["services"][0]["signatures"] == {"attached": 3, "of": 3, "verified": False}
    assert document["services"][1]["release"] is None
