"""The short version of `make soak`: pushes to a registry that fails one request in twenty."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.soak.pushes import run

SEED = 20261122
PUSHES = 20


def test_pushes_through_a_proxy_that_fails_one_request_in_twenty(engine: Mapping[str, str], tmp_path: Path) -> None:
    pushes = run(engine, tmp_path, SEED, PUSHES, print)
    assert pushes.failed == [], f"seed {SEED}"
    assert pushes.done == PUSHES
    assert sum(pushes.faults.values()) > 5, "nothing failed"
