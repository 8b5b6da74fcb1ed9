"""A run against the last release, as it is shown, written and printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipelines.delta import Delta, PlatformDelta, Seen, ServiceDelta
from pipelines.difference import Contents
from pipelines.model import Package, Severity, Unit
from pipelines.report import delta as shown
from pipelines.report import delta_json, delta_markdown
from pipelines.report.plain import plain
from tests.unit.conftest import Samples

NASTY = "@octocat | `x` <b>[l](http://e)</b> #1"


def image(command: str, *sizes: int) -> Contents:
    found = [{"digest": f"{command}{size}" if number else "base", "size": size} for number, size in enumerate(sizes)]
    history = [{"created_by": f"{command} {number}"} for number in range(len(sizes))]
    return Contents(manifest={"layers": found}, config={"history": history})


def made(samples: Samples, *packages: Package, name: str = NASTY) -> Delta:
    """Two platforms that changed, one of a service that is new, and one line for each other kind."""
    openssl = Package(name="openssl", version="3.0.1", licence="Apache-2.0", kind="deb")
    old = Seen(
        digest=samples.digest("old"), size=48_123_456, seconds=12.34, made="built",
        contents=image("COPY", 48_000_000, 123_456), packages=(openssl,), findings=(samples.finding(),),
    )  # fmt: skip
    new = replace(
        old, digest=samples.digest("new"), size=48_100_000, seconds=0.5, made="cached",
        contents=image("COPY", 48_000_000, 100_000),
        packages=(replace(openssl, version="3.0.2"), replace(openssl, name=name, licence="MIT"), *packages),
        findings=(samples.finding(id="CVE-2", package=name, installed="1", severity=Severity.CRITICAL),),
    )  # fmt: skip
    aidb, arm, docs, api = (
        Unit(service=name, platform=platform)
        for name, platform in (("aidb", samples.amd64), ("aidb", samples.arm64), ("docs", samples.amd64),
                               ("api", samples.amd64))
    )  # fmt: skip
    unscanned = PlatformDelta(unit=arm, before=replace(old, findings=None), after=new)
    changed = PlatformDelta(unit=aidb, before=old, after=new)
    services = (
        ServiceDelta(service="aidb", release="r2", platforms=(changed, unscanned)),
        ServiceDelta(service="docs", release="r1", platforms=(PlatformDelta(unit=docs, same=old.digest),)),
        ServiceDelta(service="api", platforms=(PlatformDelta(unit=api, after=new),)),
        ServiceDelta(service="worker", release="r1", gone=True),
    )
    return Delta(
        run="r3", environment="prod", registry="ghcr.io/sealift", releases={"r2": "v1.2.3", "r1": None},
        services=services,
    )  # fmt: skip


def test_golden(samples: Samples, golden: Callable[[str, str], None]) -> None:
    delta = made(samples)
    golden("delta.md", delta_markdown.markdown(delta))
    golden("delta.json", json.dumps(delta_json.as_json(delta), indent=2) + "\n")
    for width in (80, 120):
        text = plain(shown.render(delta, width=width), width=width)
        assert max(map(len, text.splitlines())) <= width
        golden(f"delta-{width}.txt", text)


def test_nothing_from_outside_is_markdown(samples: Samples) -> None:
    text = delta_markdown.markdown(made(samples))
    for live in ("@octocat", "<b>", "[l]", "`x`", " #1"):
        assert live not in text
    heads = [line.count("|") for line in text.splitlines() if line.startswith("|--")]
    assert {line.count("|") for line in text.splitlines() if line.startswith("|")} == set(heads)


def test_a_comment_is_never_too_long(samples: Samples) -> None:
    many = [Package(name=f"{number}{'@' * 30}", version="1" * 130, licence=f"x{number}") for number in range(500)]
    delta = made(samples, *many)
    text = delta_markdown.markdown(delta)
    assert len(text) < 65_536
    assert "more are in `sealift delta --json`." in text or "are left out here, for length" in text
    assert text.count("<details>") == text.count("</details>")
    several = replace(delta, services=delta.services * 100)
    text = delta_markdown.markdown(several)
    assert len(text) < 65_536
    assert "are left out here, for length: `sealift delta --json` has them" in text


def test_a_first_release_is_no_error(samples: Samples) -> None:
    delta = made(samples)
    first = replace(delta, releases={}, services=delta.services[2:3])
    said = delta_markdown.markdown(first)
    assert "there is no release of prod at ghcr.io/sealift yet, and so nothing to compare with." in said
    assert "not released yet" in said
    assert "Not compared: no &#64;" in delta_markdown.not_compared("no @login")


@pytest.mark.parametrize(("size", "text"), [(-23_456, "-23.5 kB"), (0, "+0 bytes"), (1_500_000, "+1.5 MB")])
def test_differences_have_a_sign(size: int, text: str) -> None:
    assert shown.signed(size) == text
