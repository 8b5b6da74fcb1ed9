from __future__ import annotations

import pytest

from pipelines.newer import newer

PYTHON = ["3.9-slim", "3.10-slim", "3.11-slim", "3.12-slim", "3.12", "3.12.1-slim", "3.13-rc-slim", "3-slim", "latest"]


@pytest.mark.parametrize(
    ("tag", "tags", "found"),
    [
        ("3.11-slim", PYTHON, ("3.12-slim",)),
        ("3.9-slim", PYTHON, ("3.12-slim", "3.11-slim", "3.10-slim")),
        ("3.12-slim", PYTHON, ()),
        ("v1.9.0", ["v1.10.0", "1.11.0", "v1.10.1-rc.1", "v2.0.0", "v1.9", "v1.8.9"], ("v2.0.0", "v1.10.0")),
        ("bookworm-20250120-slim", ["bookworm-20250203-slim", "trixie-20250203-slim"], ("bookworm-20250203-slim",)),
        ("nonroot", ["debug", "nonroot-2"], ()),
        ("1", [str(number) for number in range(20)], ("19", "18", "17", "16", "15")),
    ],
)
def test_newer_versions_of_the_same_variant(tag: str, tags: list[str], found: tuple[str, ...]) -> None:
    assert newer(tag, tags) == found
