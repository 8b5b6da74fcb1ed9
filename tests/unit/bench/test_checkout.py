from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.checkout import EDITED, Checkout
from tests.scratch import ROOT


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clone of this repository."""
    return Checkout.clone(ROOT, tmp_path / "copy")


def changed(checkout: Checkout) -> list[str]:
    return sorted(git(checkout.root, "diff", "--name-only", "HEAD~1").split())


def test_the_copy_is_a_project_of_its_own_with_nothing_uncommitted(checkout: Checkout) -> None:
    assert changed(checkout) == ["sealift.yaml"]
    assert "project: sealift-bench" in (checkout.root / "sealift.yaml").read_text()
    assert git(checkout.root, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("edit", "files"),
    [
        (Checkout.source, ["services/embeddings/embeddings/model.py"]),
        (Checkout.lock, ["services/embeddings/requirements.txt"]),
        (Checkout.readme, ["README.md"]),
        (
            Checkout.all_sources,
            [
                "services/aidb/aidb/search.py",
                "services/dashboard-api/src/health.ts",
                "services/embeddings/embeddings/model.py",
                "services/go/cmd/hybrid-coordinator/main.go",
                "services/go/cmd/ralph-wiggum/main.go",
                "services/nixos-docs/nixos_docs/pages.py",
            ],
        ),
    ],
)
def test_every_change_is_a_new_one_and_is_committed(
    checkout: Checkout, edit: Callable[[Checkout], None], files: list[str]
) -> None:
    seen = set()
    for _ in range(3):
        edit(checkout)
        assert changed(checkout) == files
        assert git(checkout.root, "status", "--porcelain") == ""
        seen.add(tuple((checkout.root / file).read_text() for file in files))
    assert len(seen) == 3


def test_nothing_is_nothing(checkout: Checkout) -> None:
    before = git(checkout.root, "rev-parse", "HEAD")
    checkout.nothing()
    assert git(checkout.root, "rev-parse", "HEAD") == before


def test_nothing_is_built_on_the_service_that_is_edited(checkout: Checkout) -> None:
    assert f"needs: {{{EDITED}" not in (checkout.root / "sealift.yaml").read_text()


def test_the_lock_file_keeps_what_it_had(checkout: Checkout) -> None:
    file = checkout.root / "services/embeddings/requirements.txt"
    before = file.read_text()
    for _ in range(2):
        checkout.lock()
    assert file.read_text().startswith(before)
    assert file.read_text().count("six==") == 1


@pytest.mark.parametrize("file", ["services/dashboard-api/src/health.ts", "services/go/cmd/ralph-wiggum/main.go"])
def test_a_source_that_is_changed_twice_declares_nothing_twice(checkout: Checkout, file: str) -> None:
    """Python takes a second value for a name; TypeScript and Go do not compile."""
    for _ in range(2):
        checkout.all_sources()
    declared = re.findall(r"^(?:export const|var) (bench\w+)", (checkout.root / file).read_text(), re.MULTILINE)
    assert len(set(declared)) == len(declared) == 2
