from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pipelines.errors import ToolError
from pipelines.stages.database import SAMPLE_UPDATED, _updated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-20T12:17:05.123456789Z", datetime(2025, 1, 20, 12, 17, 5, tzinfo=UTC)),
        ("2025-01-20T12:17:05Z", datetime(2025, 1, 20, 12, 17, 5, tzinfo=UTC)),
    ],
)
def test_when_the_database_was_made(text: str, expected: datetime) -> None:
    assert _updated(json.dumps({"Version": 2, "UpdatedAt": text})).replace(microsecond=0) == expected


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"Version": 2}',
        '{"Version": 2, "UpdatedAt": "yesterday"}',
        '{"Version": 2, "UpdatedAt": null}',
        '{"Version": 1, "UpdatedAt": "2025-01-20T12:17:05Z"}',
        '{"Version": 2, "UpdatedAt": "2025-01-20T12',
    ],
)
def test_metadata_that_cannot_be_read_is_refused(metadata: str) -> None:
    with pytest.raises(ToolError, match="metadata is not readable") as caught:
        _updated(metadata)
    assert caught.value.step == "database"


def test_the_date_of_the_sample_is_a_date() -> None:
    assert datetime.fromisoformat(SAMPLE_UPDATED).tzinfo == UTC
