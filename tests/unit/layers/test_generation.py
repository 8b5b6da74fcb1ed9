"""The name of a volume."""

from __future__ import annotations

from pathlib import Path

from pipelines.layers.__main__ import generation


def test_a_volume_keeps_its_name_until_it_is_emptied(tmp_path: Path) -> None:
    file = tmp_path / "generation"
    first = generation(str(file))
    assert len(first) == 16
    assert generation(str(file)) == first
    file.unlink()
    assert generation(str(file)) != first
