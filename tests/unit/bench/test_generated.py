from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.front import prepare
from pipelines.config import Flags
from tests.bench.generated import BASE, Generated


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("count", [1, 24])
def test_every_service_stands_on_the_base_and_the_plan_is_sound(tmp_path: Path, count: int) -> None:
    made = Generated.make(tmp_path / "repository", count)
    assert git(made.root, "status", "--porcelain") == ""
    plan = prepare(made.root, {}, Flags(), now=datetime.now(UTC)).plan
    assert len(plan.services) == count + 1
    assert plan.services[0].name == BASE
    assert all(dict(service.needs) == {BASE: "BASE_IMAGE"} for service in plan.services[1:])
    assert {str(platform) for service in plan.services for platform in service.platforms} == {"linux/amd64"}


def test_a_change_is_one_of_every_service_and_not_of_the_base(tmp_path: Path) -> None:
    made = Generated.make(tmp_path / "repository", 3)
    seen = set()
    for _ in range(2):
        made.all_sources()
        changed = git(made.root, "diff", "--name-only", "HEAD~1").split()
        assert changed == [f"services/service-{number}/app/version.py" for number in (1, 2, 3)]
        seen.add((made.root / changed[0]).read_text())
    assert len(seen) == 2
    assert git(made.root, "status", "--porcelain") == ""
