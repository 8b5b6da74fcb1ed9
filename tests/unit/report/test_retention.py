"""What a prune shows of what it decided."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import anyio
import pytest

from pipelines.key import Key
from pipelines.registry.client import Client
from pipelines.registry.survey import survey
from pipelines.report import retention
from pipelines.report.plain import plain
from pipelines.retention import decide
from pipelines.rules import Rules
from tests.unit.registry.memory import NOW, Memory

KEY = Key("0123456789abcdef" * 4)


@pytest.mark.parametrize("width", [60, 120])
def test_a_tag_that_says_what_an_image_was_made_of_does_not_hide_the_others(width: int) -> None:
    memory = Memory()
    memory.image("web", "old", KEY.tag, "v1.0.0", made=NOW - timedelta(days=90))
    found = anyio.run(survey, cast(Client, memory), ["web"], {})
    decision = decide(found.holdings, found.told, Rules(), now=NOW)
    text = plain(retention.render(found, decision, None, now=NOW, width=width), width=width)
    assert "key-0123456789ab…, v1.0.0" in text
    assert retention.as_json(found, decision, None)["goes"][0]["tags"] == sorted([KEY.tag, "v1.0.0"])
