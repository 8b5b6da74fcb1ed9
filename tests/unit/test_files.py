from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.files import write_whole


def test_the_text_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "dist" / "release.json"
    for text in ("first, and longer", "second"):
        write_whole(path, text)
        assert path.read_text() == text
    assert [found.name for found in path.parent.iterdir()] == ["release.json"]


def test_what_is_broken_off_leaves_the_earlier_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "release.json"
    write_whole(path, "whole")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "a part")
    assert path.read_text() == "whole"
    assert [found.name for found in tmp_path.iterdir()] == ["release.json"]


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError, match=r"release\.json"):
        write_whole(path, "text")
    assert list(tmp_path.iterdir()) == [path]
