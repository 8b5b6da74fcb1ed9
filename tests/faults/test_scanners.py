"""Trivy and Syft that crash, say nothing, or say half of it: no image leaves on such an answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.advisory_artifacts import served
from tests.faults.broken_tools import break_tool
from tests.faults.outcomes import published, refused
from tests.faults.small import Small
from tests.scratch import REGISTRY


@pytest.fixture(scope="module")
def database(released: Small, advisories: Path) -> Iterator[str]:
    """A sound database that the local registry serves to all these tests."""
    holder = released.under_a_prefix_of_its_own()
    yield f"{REGISTRY}/{served(holder.registry, advisories)}"
    holder.delete("trivy-db")


@pytest.fixture
def scanned(repository: Small, database: str) -> Small:
    """The smallest release, scanned with that database."""
    repository.extra["database"] = {"repository": database}
    repository.commit()
    return repository


def broken(repository: Small, tool: str, how: str, code: int) -> str:
    """What a run says with the tool broken."""
    repository.prepared.append(partial(break_tool, tool, how))
    return refused(repository, code)


def mended(repository: Small) -> None:
    """The next run, with the tools as they should be, publishes."""
    repository.prepared.clear()
    published(repository)
    assert repository.registry.tags("web") == ["dev"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("crashes", "panic: runtime error: index out of range"),
        ("is killed", "exit code: 137"),
        ("answers nothing", "scan.json"),
        ("is empty", "EOF"),
        ("is half a document", "unexpected"),
    ],
)
def test_a_scanner_that(scanned: Small, how: str, message: str) -> None:
    said = broken(scanned, "trivy", how, 6)
    assert "error: web linux/amd64 scan: Trivy" in said
    assert message in said
    if how == "crashes":
        mended(scanned)


def test_a_scanner_that_sees_no_package_where_the_sbom_lists_some(scanned: Small) -> None:
    said = broken(scanned, "trivy", "has no packages", 4)
    assert "web linux/amd64 scan: the scanner saw no package where the SBOM lists " in said
    mended(scanned)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("crashes", "panic: runtime error: index out of range"),
        ("answers nothing", "sbom.spdx.json"),
        ("is half a document", "no SPDX document"),
        ("is half a CycloneDX document", "no CycloneDX document"),
    ],
)
def test_an_sbom_tool_that(scanned: Small, how: str, message: str) -> None:
    said = broken(scanned, "syft", how, 6)
    assert "error: web linux/amd64 sbom: Syft" in said
    assert message in said
    if how == "crashes":
        mended(scanned)


def test_an_sbom_without_packages_where_the_scanner_saw_some(scanned: Small) -> None:
    said = broken(scanned, "syft", "has no packages", 4)
    assert "web linux/amd64 sbom: the SBOM lists no package where the scanner saw " in said
    mended(scanned)
