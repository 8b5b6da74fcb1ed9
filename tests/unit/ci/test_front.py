from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ci.front import prepare, run_id
from pipelines.config import Flags, InvalidConfig

if TYPE_CHECKING:
    from tests.unit.conftest import Git, Samples

NOW = datetime(2025, 1, 20, 14, 30, 59, tzinfo=UTC)
CONFIG = """\
version: 1
project: shop
source: https://example.com/shop
services:
  web: {context: services/one}
environments:
  local: {registry: 'localhost:5000', tags: [dev]}
"""


def test_the_plan_of_a_repository(git: Git) -> None:
    git.commit("config", **{"sealift.yaml": CONFIG, "services__one__Dockerfile": "FROM scratch\n"})
    prepared = prepare(git.root, {"SEALIFT_PLATFORMS": "linux/arm64"}, Flags(jobs=2), now=NOW)
    assert prepared.settings.jobs == prepared.plan.jobs == 2
    assert prepared.plan.service("web").platforms == ("linux/arm64",)
    assert prepared.plan.commit == git("rev-parse", "HEAD")


def test_flags_and_variables_are_told_with_the_files_problems(git: Git) -> None:
    git.commit("config", **{"sealift.yaml": CONFIG.replace("project", "projct")})
    flags = Flags(env="nowhere", jobs=0, tags=("a b",))
    with pytest.raises(InvalidConfig) as caught:
        prepare(git.root, {"VERSION": "x", "SEALIFT_SERVICES": "nobody"}, flags, now=NOW)
    told = [str(problem).split(":")[0] for problem in caught.value.problems]
    # What names something of the file waits until the file can be read.
    assert told == ["sealift.yaml"] * 2 + ["--tag", "VERSION", "--jobs"]


def test_the_id_of_a_run_sorts_by_time_names_the_commit_and_is_unique(samples: Samples) -> None:
    ids = {run_id(NOW, samples.plan().commit[:7]) for _ in range(50)}
    assert len(ids) > 1
    for one in ids:
        assert one.startswith("20250120T143059Z-ccccccc-")
        assert len(one) == 29
