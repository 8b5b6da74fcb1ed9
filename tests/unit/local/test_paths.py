from __future__ import annotations

from pathlib import Path

from ci.local.paths import find_paths


def test_the_environment_moves_both_folders(tmp_path: Path) -> None:
    paths = find_paths({"SEALIFT_CACHE_DIR": str(tmp_path / "c"), "SEALIFT_STATE_DIR": str(tmp_path / "s")})
    assert (paths.cache, paths.state) == (tmp_path / "c", tmp_path / "s")
    assert paths.toolchain == tmp_path / "c" / "toolchain"
    assert paths.record.parent == tmp_path / "s"


def test_otherwise_they_are_the_users_own() -> None:
    paths = find_paths({})
    assert paths.cache.is_absolute()
    assert paths.cache.name == paths.state.name == "sealift"
    assert paths.cache != paths.state


def test_a_relative_folder_is_made_absolute() -> None:
    assert find_paths({"SEALIFT_CACHE_DIR": "here"}).cache == Path.cwd() / "here"
