"""What the documentation says that a test shows, a test of that name is there for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TESTS = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
DEFINED = {name for text in TESTS.values() for name in re.findall(r"def (test_\w+)\(", text)}
FILES = {path.relative_to(ROOT).as_posix() for path in TESTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for file in re.findall(r"[\w/]*test_\w+\.py", text):
        assert any(path.endswith(f"/{file}") or path == file for path in FILES), file
    for name in re.findall(r"(?:::|`)(test_\w+)(?!\w*\.py)", text):
        assert name in DEFINED, name


@pytest.mark.parametrize("page", [ROOT / "docs/security.md", ROOT / "docs/threats.md"], ids=lambda page: page.name)
def test_claims_of_security_name_tests(page: Path) -> None:
    assert len(re.findall(r"test_\w+", page.read_text(encoding="utf-8"))) > 15
