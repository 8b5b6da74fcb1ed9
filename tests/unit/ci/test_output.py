from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from rich.console import Console

from ci.output import dump, results, write_plan, write_results
from pipelines.graph.examination import Examination
from pipelines.model import Finding, Scan, Severity, Tag, Unit
from pipelines.tags import TagReason

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200, color_system=None, legacy_windows=False)


def output(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def examination(samples: Samples, *findings: Finding, described: bool = True) -> Examination:
    unit = Unit(service="aidb", platform=samples.amd64)
    made = Examination(built={unit: anyio.Event()}, digests={unit: samples.digest("x")})
    if described:
        made.sboms[unit] = cast(Any, type("Described", (), {"packages": samples.packages * 87}))
    if findings:
        scan = Scan(findings=findings, packages=87, created=samples.now)
        made.scans[unit] = cast(Any, type("Scanned", (), {"scan": scan}))
    return made


def test_results_as_plain_data(samples: Samples) -> None:
    rows = results(examination(samples, samples.finding(), samples.finding(id="CVE-X", severity=Severity.CRITICAL)))
    assert [row["service"] for row in rows] == ["aidb"]
    assert rows[0]["digest"] == samples.digest("x")
    assert rows[0]["packages"] == 87
    assert [finding["id"] for finding in rows[0]["findings"]] == ["CVE-X", "CVE-2024-0001"]
    assert rows[0]["findings"][1] == {
        "id": "CVE-2024-0001", "severity": "HIGH", "package": "openssl", "installed": "3.0.1", "fixed": "3.0.2",
        "kind": "vulnerability", "title": "openssl: a flaw",
    }  # fmt: skip


def test_results_hold_only_what_was_asked_for(samples: Samples) -> None:
    assert list(results(examination(samples, described=False))[0]) == ["service", "platform", "digest"]


def test_json_on_standard_output(samples: Samples, capsys: pytest.CaptureFixture[str]) -> None:
    rows = results(examination(samples, samples.finding(title="grün")))
    dump(rows)
    text = capsys.readouterr().out
    assert json.loads(text) == rows
    assert "grün" in text


def test_results_for_people(samples: Samples, console: Console) -> None:
    write_results(console, results(examination(samples, samples.finding())))
    assert "CVE-2024-0001 HIGH openssl 3.0.1" in output(console)
    assert samples.digest("x")[:19] in output(console)


def test_what_the_scanner_found_is_no_markup(samples: Samples, console: Console) -> None:
    write_results(console, results(examination(samples, samples.finding(package="a[/b]", installed="1[bold]"))))
    assert "a[/b] 1[bold]" in output(console)


def test_the_plan_for_people(samples: Samples, console: Console) -> None:
    on_aidb = dict.fromkeys((samples.amd64, samples.arm64), "aidb")
    dirty = samples.service("docs", needs={"aidb": "AIDB_IMAGE"}, bases=on_aidb, dirty=True, reason="selected")
    write_plan(console, samples.plan([samples.service(), dirty], dirty=True))
    text = output(console)
    for part in (
        "Environment prod (from flag)",
        "Registry    ghcr.io/sealift/ (from file)",
        "Commit      cccccccccccc, with changes that are not committed; version v1.2.3",
        "HIGH and above;",
        "services/aidb/Dockerfile",
        "python:3.11-slim-bookworm",
        "image of aidb",
        "last changed by ccccccc, and not committed",
        "ghcr.io/sealift/docs",
        "linux/arm64",
        "Tag         v1.2.3  version v1.2.3 (rule semver)",
        "Nothing was built.",
    ):
        assert part in text
    assert text.count("Tag  ") == 2, "tags that all services have are shown once"


def test_what_the_plan_ignores(samples: Samples, console: Console) -> None:
    write_plan(
        console, samples.plan(rules=replace(samples.rules, ignores=(samples.ignore(services=("aidb", "docs")),)))
    )
    about = "CVE-2024-0001 in openssl until 2025-02-28: aidb, docs; we do not [listen] (backend)"
    assert f"Ignored     {about}" in output(console)


def test_names_in_the_plan_are_no_markup(samples: Samples, console: Console) -> None:
    service = samples.service(
        context=PurePosixPath("apps/[old]"), tags=(TagReason(tag=Tag("x"), reason="branch fix]/[/red]"),)
    )
    write_plan(console, samples.plan([replace(service, bases={samples.amd64: "a[b]"})]))
    assert "apps/[old]/Dockerfile" in output(console)
    assert "branch fix]/[/red]" in output(console)
    assert "a[b]" in output(console)


def test_bases_that_differ_are_shown_for_each_platform(samples: Samples, console: Console) -> None:
    per_platform = samples.service(bases={samples.amd64: "img:amd64", samples.arm64: None}, needs={"docs": "DOCS"})
    write_plan(console, samples.plan([per_platform, samples.service("docs")]))
    lines = output(console).splitlines()
    assert "img:amd64" in next(line for line in lines if "linux/amd64" in line)
    assert "scratch" in next(line for line in lines if "linux/arm64" in line)
    assert output(console).count("python:3.11-slim-bookworm") == 1, "the base that all platforms have is shown once"


def test_json_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"title": "\x1b]0;x\x07 \x9b2J \u202e"}
    dump(value)
    said = capsys.readouterr().out
    assert said.isascii()
    assert json.loads(said) == value
