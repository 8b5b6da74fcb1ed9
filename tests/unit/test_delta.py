"""How the parts of two images differ, and what a service comes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.changes import layers, licences, only, packages
from pipelines.delta import PlatformDelta, Seen, ServiceDelta
from pipelines.difference import Contents
from pipelines.model import Finding, Package, Severity, Unit
from tests.unit.conftest import Samples


def image(*made: tuple[str, str, int], history: bool = True) -> Contents:
    """An image of layers: command, digest, size."""
    entries = [{"created_by": command} for command, _, _ in made] if history else []
    found: list[dict[str, Any]] = [{"digest": digest, "size": size} for _, digest, size in made]
    return Contents(manifest={"layers": found}, config={"history": entries})


BASE, APP = ("ADD base", "b1", 100), ("COPY app /", "a1", 10)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (image(BASE, APP), image(BASE, APP), []),
        (image(BASE, APP), image(BASE, ("COPY app /", "a2", 30)), [("'COPY app /'", 10, 30)]),
        (image(BASE, APP), image(BASE, ("RUN new", "n1", 5), APP), [("'RUN new'", None, 5)]),
        (image(BASE, APP), image(BASE), [("'COPY app /'", 10, None)]),
        (
            image(BASE, APP),
            image(BASE, ("COPY web /", "w1", 7)),
            [("'COPY web /'", None, 7), ("'COPY app /'", 10, None)],
        ),
        # Two layers of one content, of which one is left.
        (image(BASE, APP, APP), image(BASE, APP), [("'COPY app /'", 10, None)]),
        (image(APP, history=False), image(("", "a2", 9), history=False), [(None, 10, 9)]),
    ],
)
def test_layers(before: Contents, after: Contents, changes: list[tuple[str | None, int | None, int | None]]) -> None:
    assert [(one.command, one.before, one.after) for one in layers(before, after)] == changes


def package(name: str, version: str, licence: str = "MIT", kind: str = "python") -> Package:
    return Package(name=name, version=version, licence=licence, kind=kind)


def test_packages() -> None:
    before = [package("a", "1"), package("b", "1"), package("b", "2"), package("c", "1"), package("same", "1")]
    after = [package("a", "2"), package("b", "2"), package("d", "1"), package("same", "1"), package("same", "1")]
    found = packages(before, after)
    assert [(one.name, one.what, one.before, one.after) for one in found] == [
        ("a", "changed", ("1",), ("2",)),
        ("b", "changed", ("1", "2"), ("2",)),
        ("c", "removed", ("1",), ()),
        ("d", "added", (), ("1",)),
    ]
    kinds = packages([package("a", "1")], [package("a", "1", kind="deb")])
    assert {(one.kind, one.what) for one in kinds} == {("python", "removed"), ("deb", "added")}


def test_licences() -> None:
    before = [package("a", "1", "MIT AND Apache-2.0")]
    after = [package("a", "2", "Apache-2.0"), package("b", "1", "GPL-3.0-only OR MIT"), package("c", "1", "what ever")]
    assert licences(before, after) == {"GPL-3.0-only": ("b",), "what ever": ("c",)}


def test_findings(samples: Samples) -> None:
    low, high = samples.finding(id="CVE-1", severity=Severity.LOW), samples.finding(id="CVE-2")
    again = replace(low, installed="3.0.9")
    assert only([low, high, high], [again]) == (high,), "another version of the package has the same advisory"
    written = samples.finding(id="CVE-1", package="typing_extensions")
    assert only([written], [replace(written, package="typing-extensions")]) == ()
    assert only([high], None) == () == only(None, [high])


def seen(samples: Samples, *findings: Finding, scanned: bool = True, **changes: Any) -> Seen:
    made = Seen(
        digest=samples.digest("before"), size=110, seconds=3.0, made="built", contents=image(BASE, APP),
        packages=samples.packages, findings=findings if scanned else None,
    )  # fmt: skip
    return replace(made, **changes)


def test_whose_doing_a_new_finding_is(samples: Samples) -> None:
    by_advisory = samples.finding()
    by_change = samples.finding(id="CVE-2", package="zlib", installed="1")
    unit = Unit(service="aidb", platform=samples.amd64)
    one = PlatformDelta(unit=unit, before=seen(samples), after=seen(samples, by_advisory, by_change))
    assert {item.finding.id: item.known_since for item in one.new} == {by_advisory.id: True, "CVE-2": False}
    unscanned = PlatformDelta(unit=unit, before=seen(samples, scanned=False), after=seen(samples, by_advisory))
    assert (unscanned.scanned, unscanned.new, unscanned.fixed) == (False, (), ())


def test_what_a_service_comes_to(samples: Samples) -> None:
    unit = Unit(service="aidb", platform=samples.amd64)
    same = PlatformDelta(unit=unit, same=samples.digest("before"))
    other = PlatformDelta(unit=unit, before=seen(samples), after=seen(samples))
    state = {
        ServiceDelta(service="aidb", platforms=(same,)).state,
        ServiceDelta(service="aidb", release="r", platforms=(same, same)).state,
        ServiceDelta(service="aidb", release="r", platforms=(same, other)).state,
        ServiceDelta(service="aidb", release="r", gone=True).state,
    }
    assert state == {"new", "same", "changed", "gone"}
