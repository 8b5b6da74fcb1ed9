"""What was verified, and scanned again, for people."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pipelines.model import Digest, Platform, Scan, Unit
from pipelines.report import rescan, verification
from pipelines.rescanned import Before, Rescanned
from pipelines.verification import Check, Outcome, Signatory, Verified
from tests.unit.conftest import Samples

DIGEST = Digest("sha256:" + "a" * 64)
JOB = Signatory(
    subject="https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1.2.3",
    issuer="https://token.actions.githubusercontent.com",
    pattern=r"https://github\.com/acme/.+",
)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def shown(what: object, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def verified(*outcomes: Outcome) -> Verified:
    checks = (
        Check(name="slsaprovenance1", about="index", outcome=Outcome.OK, said=str(JOB), signed_by=(JOB,)),
        *(Check(name="vuln", about="linux/arm64", outcome=one, said=f"[{one}] told") for one in outcomes),
    )
    platforms = {Platform("linux/amd64"): DIGEST}
    return Verified(
        service="aidb", reference="localhost:5000/aidb:v1.2.3", repository="localhost:5000/aidb", index=DIGEST,
        platforms=platforms, checks=checks,
    )  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_and_says_everything(width: int) -> None:
    text = shown(verification.render([verified(Outcome.REFUSED, Outcome.NOTED)], width=width), width)
    assert max(map(len, text.splitlines())) <= width
    joined = "".join(text.split())
    for part in (JOB.subject, JOB.issuer, JOB.pattern, "[refused] told", "[noted] told", DIGEST, "linux/arm64"):
        assert "".join(part.split()) in joined, part


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.OK], "1 image: everything verifies."),
        ([Outcome.NOTED], "1 image: everything verifies."),
        ([Outcome.REFUSED, Outcome.UNKNOWN], "1 of 1 image must not be used: localhost:5000/aidb:v1.2.3"),
        ([Outcome.UNKNOWN], "1 of 1 image could not be looked at: localhost:5000/aidb:v1.2.3"),
    ],
)
def test_the_verdict(outcomes: list[Outcome], expected: str) -> None:
    assert verification.verdict([verified(*outcomes)]) == expected


def test_the_json_of_an_image_names_everybody_once() -> None:
    found = verified(Outcome.OK).as_json()
    assert found["signed_by"] == [JOB.as_json()]
    assert list(found) == [
        "service", "reference", "repository", "index", "platforms", "verified", "signed_by", "scanned", "checks",
    ]  # fmt: skip
    assert list(found["checks"][0]) == ["check", "about", "digest", "outcome", "said", "signed_by"]


@pytest.mark.parametrize("width", [40, 80])
def test_a_later_scan(samples: Samples, width: int) -> None:
    finding = samples.finding()
    found = [
        Rescanned(
            unit=Unit(service="dashboard-api", platform=samples.arm64),
            reference="x",
            digest=DIGEST,
            packages=128,
            scan=Scan(findings=(finding,), packages=128, created=NOW),
            before=last,
        )
        for last in (Before(finished=NOW, known=frozenset()), None)
    ]
    rendered = rescan.render(found, samples.database(sample=True), samples.rules, width=width, new_only=False)
    text = shown(rendered, width)
    assert max(map(len, text.splitlines())) <= width
    joined = " ".join(text.split())
    for part in (
        "SAMPLE advisory database", "1 high", "2026-11-27", "no: all is new", f"new: {finding.id} HIGH in",
        "2 images scanned: 2 findings at HIGH or above.",
    ):  # fmt: skip
        assert part in joined, part


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (Signatory(subject="me", issuer="https://i"), "me (https://i)"),
        (Signatory(subject="me", issuer="https://i", repository="a/b"), "me (https://i), in a job of a/b"),
        (
            Signatory(subject="me", issuer="https://i", repository="a/b", ref="r"),
            "me (https://i), in a job of a/b at r",
        ),
        (Signatory(issuer="https://i", pattern="m.*"), "whoever matches the pattern m.* (https://i)"),
        (Signatory(key="0123456789abcdef" * 4), "key SHA256:0123456789abcdef"),
    ],
)
def test_who_signed(who: Signatory, expected: str) -> None:
    assert str(who) == expected
