from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.registry.kind import Kind
from pipelines.registry.kinds import KINDS

PAGE = (Path(__file__).parents[3] / "docs/registries.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_the_page_says_of_each_kind_what_the_table_says(kind: Kind) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {kind.name.partition(' (')[0]} |"))
    _, _, _, user, repositories, deletes, lists, _ = (cell.strip() for cell in row.split("|"))
    assert kind.username is None or kind.username in user or user == "the same"
    assert ("must exist" in repositories) == (kind.create is not None)
    assert deletes in (("yes", "if it is turned on") if kind.deletes else ("no",))
    assert lists == ("yes" if kind.catalog else "no")
