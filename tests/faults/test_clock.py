"""A client whose clock was set back a year.

Trust that depends on time is refused; what does not depend on it comes out the same as by the right clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.advisory_artifacts import served
from tests.faults.clock import YEAR, a_year_ago
from tests.faults.outcomes import published, refused
from tests.faults.small import Small
from tests.scratch import REGISTRY


def test_an_advisory_database_from_the_future_is_not_trusted(repository: Small, advisories: Path) -> None:
    database = f"{REGISTRY}/{served(repository.registry, advisories)}"
    repository.extra["database"] = {"repository": database}
    repository.commit()
    repository.prepared.append(a_year_ago)
    said = refused(repository, 6)
    assert f"error: database: the advisory database {database} is of {datetime.now(UTC):%Y-}" in said
    assert f"this machine's clock says {datetime.now(UTC) - YEAR:%Y-%m-%d}" in said
    assert "remedy: set this machine's clock" in said
    repository.prepared.clear()
    published(repository)
    moved = repository.registry.digest("web", "dev")
    # What has passed by the right clock is not taken for passed by the wrong one.
    repository.prepared.append(a_year_ago)
    assert repository.sealift("build-all").returncode == 6
    assert repository.registry.digest("web", "dev") == moved


def test_what_does_not_depend_on_time_is_the_same(repository: Small) -> None:
    repository.prepared.append(a_year_ago)
    published(repository, "--no-scan")
    record = repository.record()
    assert record["started"] < record["finished"] < (datetime.now(UTC) - YEAR + timedelta(hours=1)).isoformat()  # type: ignore[operator]
    released = repository.registry.digest("web", "dev")
    assert released == record["services"]["web"]["index"]
    repository.prepared.clear()
    published(repository, "--no-scan")
    assert repository.registry.digest("web", "dev") == released
    (move,) = repository.moves("web").values()
    assert not move["moved"]
