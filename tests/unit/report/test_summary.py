from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipelines.model import Dismissed, Scan, Severity, Tag
from pipelines.moves import TagMove
from pipelines.release import Release
from pipelines.report import summary

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


def release(samples: Samples, name: str) -> Release:
    if name == "no-push":
        return replace(samples.published().at("signed"), services=samples.rehearsed().services)
    if name == "not-scanned":
        plan = samples.plan(environment="local", rules=replace(samples.rules, rehearsal=True))
        return samples.release(
            plan=plan, database=None, units=tuple(replace(unit, scan=None) for unit in samples.units(plan))
        )
    made: Release = getattr(samples, name)()
    return made


@pytest.mark.parametrize("width", [120, 40])
@pytest.mark.parametrize("name", ["published", "refused", "no-push", "rehearsed", "not-scanned"])
def test_golden_summary(samples: Samples, golden: Callable[[str, str], None], name: str, width: int) -> None:
    text = summary.text(release(samples, name), out="dist", width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    golden(f"summary-{name}-{width}.txt", text)


def test_the_terminal_does_not_change_the_text(samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    before = summary.text(samples.published(), out="dist")
    for name, value in {
        "COLUMNS": "33",
        "TERM": "xterm-256color",
        "FORCE_COLOR": "1",
        "COLORTERM": "truecolor",
    }.items():
        monkeypatch.setenv(name, value)
    assert summary.text(samples.published(), out="dist") == before


def test_a_published_release_says_how_many_tags_moved_and_what_to_do_next(samples: Samples) -> None:
    text = summary.text(samples.published(), out="dist", width=200)
    assert "PUBLISHED to ghcr.io: 2 tag(s) moved." in text
    assert "docker pull ghcr.io/sealift/aidb:v1.2.3" in text
    assert "v1.2.3 (there already), v1.2 (there already)" in text
    assert "Not fit" not in text


@pytest.mark.parametrize("tag", ["v1.2.3", "v1.2.3-candidate.1"])
def test_a_command_that_does_not_fit_beside_its_label_stays_whole_below_it(samples: Samples, tag: str) -> None:
    published = samples.published()
    sealed = {
        name: samples.released(TagMove(tag=Tag(tag), before=None, after=samples.digest("x")))
        for name in published.services or {}
    }
    command = f"cosign verify --key $(sealift keys --public) --insecure-ignore-tlog=true ghcr.io/sealift/aidb:{tag}"
    fits = len(command) + 12
    text = replace(published, services=sealed)
    assert f"or:         {command}" in summary.text(text, out="dist", width=fits).splitlines()
    assert f"  {command}" in summary.text(text, out="dist", width=fits - 1).splitlines()


def test_without_a_key_plain_cosign_is_told_by_verify(samples: Samples) -> None:
    text = summary.text(replace(samples.published(), public_key=None), out="dist", width=200)
    assert "sealift verify --service aidb --tag v1.2.3 --commands | sh" in text
    assert "cosign verify" not in text


def test_a_refused_release_shows_every_violation_and_no_next_step(samples: Samples) -> None:
    refused = samples.refused()
    text = summary.text(refused, out="dist", width=300)
    assert "REFUSED by the gate: 4 violation(s), no tag moved." in text
    for violation in refused.violations:
        assert violation.what in text
        assert violation.remedy in text
    assert "docker pull" not in text


def test_what_vex_dismissed_is_told(samples: Samples) -> None:
    gone = Dismissed(
        id="CVE-2024-7", package="zlib", status="not_affected", statement="code_not_present", file="v.json"
    )
    units = [
        replace(unit, scan=Scan(findings=(), packages=87, created=samples.now, dismissed=(gone,)))
        if unit.image.unit.service == "aidb"
        else unit
        for unit in samples.units(samples.plan())
    ]
    made = samples.release(units=tuple(units), state="signed")
    shown = summary.text(made, out="dist")
    where = "aidb linux/amd64, aidb linux/arm64"
    assert f"Dismissed as not_affected: CVE-2024-7 in zlib, {where}\n  code_not_present (v.json)\n" in shown
    (dismissed,) = made.as_json()["verdict"]["dismissed"]
    assert (dismissed["file"], dismissed["images"]) == ("v.json", where.split(", "))


def test_what_was_excused_is_told_with_who_answers_for_it(samples: Samples) -> None:
    ignore = samples.ignore()
    plan = samples.plan(rules=replace(samples.rules, ignores=(ignore,)))
    first, *rest = samples.units(plan)
    first = replace(first, scan=Scan(findings=(samples.finding(),), packages=87, created=samples.now))
    made = samples.release(plan=plan, units=(first, *rest), state="signed")
    shown = summary.text(made, out="dist")
    assert (
        "Excused until 2025-02-28: CVE-2024-0001 in openssl, aidb linux/amd64\n  we do not [listen] (backend)\n"
        in shown
    )
    (excused,) = made.as_json()["verdict"]["excused"]
    assert excused == {**ignore.as_json(), "images": ["aidb linux/amd64"]}
    assert made.as_json()["fit_for_release"]


def test_a_rehearsal_warns_of_sample_and_rebuilt_bases(samples: Samples) -> None:
    text = summary.text(samples.rehearsed(), out="dist", width=300)
    assert text.count("Not fit for release.") == 2
    assert text.count("none (not pushed)") == 2
    assert "nothing was pushed" in text


def test_every_digest_and_folder_is_there_at_any_width(samples: Samples) -> None:
    published = samples.published()
    for width in (60, 80, 120, 200):
        squeezed = "".join(summary.text(published, out="a/long/folder", width=width).split())
        assert "Reportsandrecord:a/long/folder" in squeezed
    text = summary.text(published, out="dist")
    for unit in published.units:
        assert unit.image.digest.short in text


def long_names(samples: Samples) -> Release:
    """A release with names and numbers as long as they come."""
    tags = ("staging-feature-a-long-branch-name", "staging-feature-a-long-branch-name-abc1234-dirty", "v1.2.3")
    plan = samples.plan([samples.service("hybrid-coordinator"), samples.service("ralph-wiggum")])
    findings = [
        samples.finding(id=f"CVE-{severity}-{number}", severity=severity)
        for severity in Severity
        for number in range(123)
    ]
    units = tuple(samples.unit(*findings, samples.secret(), image=unit.image) for unit in samples.units(plan))
    units = tuple(replace(unit, image=replace(unit.image, size=1_234_500_000), seconds=1234.5) for unit in units)
    sealed = {
        service.name: samples.released(
            *(TagMove(tag=Tag(tag), before=samples.digest("x"), after=samples.digest("x")) for tag in tags)
        )
        for service in plan.services
    }
    return replace(samples.release(plan=plan, units=units), violations=(), services=sealed)


@pytest.mark.parametrize("width", [60, 99, 100, 120, 200])
def test_no_word_is_cut(samples: Samples, width: int) -> None:
    text = summary.text(long_names(samples), out="dist", width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    words = "hybrid-coordinator linux/arm64 1234.5 MB 87 123 critical, unknown, secret (there already), built"
    assert {*words.split(), "staging-feature-a-long-branch-name-abc1234-dirty"} <= set(text.split())


def test_a_table_that_does_not_fit_is_not_drawn(samples: Samples) -> None:
    name = "a-service-with-a-very-long-name" * 2
    plan = samples.plan([samples.service(name)])
    narrow = summary.text(samples.release(plan=plan), out="dist", width=100)
    assert "───" not in narrow
    assert name in narrow.split()
    assert "───" in summary.text(samples.release(plan=plan), out="dist", width=160)


def test_findings_in_words(samples: Samples) -> None:
    critical = samples.finding(id="CVE-1", severity=Severity.CRITICAL)
    high = [samples.finding(id=f"CVE-{n}", severity=Severity.HIGH) for n in (2, 3)]
    secret = samples.secret()
    assert summary.findings(samples.unit(*high, critical)).plain == "1 critical, 2 high"
    assert summary.findings(samples.unit(secret)).plain == "1 secret"
    assert summary.findings(samples.unit(critical, secret, secret)).plain == "1 critical, 2 secrets"
    assert summary.findings(replace(samples.unit(), scan=None, baked=(secret,))).plain == "not scanned, 1 secret"
    assert summary.findings(samples.unit()).plain == "none"
    assert summary.findings(samples.unit(scan=None)).plain == "not scanned"


def test_megabytes_are_decimal() -> None:
    assert (summary.megabytes(0), summary.megabytes(1_000_000), summary.megabytes(120_049_999)) == (
        "0.0 MB", "1.0 MB", "120.0 MB",
    )  # fmt: skip
