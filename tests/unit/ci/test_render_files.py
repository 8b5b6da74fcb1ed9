from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ci.render_files import found, replace, write_new
from pipelines.errors import ConfigError


def test_manifests_below_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.yaml", "a/c.yml", "a/.hidden.yaml", ".git/d.yaml", "a/e.json", "f.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    Path("link.yaml").symlink_to("b.yaml")
    assert found([Path(), Path("b.yaml"), Path("f.txt")]) == {
        "a/c.yml": b"a/c.yml", "b.yaml": b"b.yaml", "f.txt": b"f.txt",
    }  # fmt: skip


def test_what_cannot_be_read_is_told_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        found([tmp_path / "missing.yaml", tmp_path])
    assert "2 problems" in str(caught.value)
    assert f"{tmp_path}/missing.yaml: No such file or directory" in str(caught.value)
    assert f"{tmp_path}: no *.yaml or *.yml in this folder" in str(caught.value)


def test_files_are_replaced_with_their_mode_and_through_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    before = real.stat().st_ino
    replace({link: b"new"})
    assert (link.is_symlink(), real.read_text(), stat.S_IMODE(real.stat().st_mode)) == (True, "new", 0o640)
    assert real.stat().st_ino != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_if_one_cannot_be_written_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text("old")
    second.write_text("old")
    made = os.fdopen

    def full(handle: int, mode: str) -> object:
        file = made(handle, mode)
        if len(list(tmp_path.iterdir())) > 3:
            file.close()
            raise OSError(28, "No space left on device")
        return file

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        replace({first: b"new", second: b"new"})
    assert [first.read_text(), second.read_text()] == ["old", "old"]
    assert len(list(tmp_path.iterdir())) == 2


def test_new_files_take_nothing_away(tmp_path: Path) -> None:
    files = {tmp_path / "deploy/a.yaml": "a", tmp_path / "deploy/b.yaml": "b"}
    assert write_new(files, update="u") == list(files)
    assert stat.S_IMODE((tmp_path / "deploy/a.yaml").stat().st_mode) & 0o444 == 0o444
    assert write_new({**files, tmp_path / "deploy/c.yaml": "c"}, update="u") == [tmp_path / "deploy/c.yaml"]
    (tmp_path / "deploy/b.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=r"deploy/b\.yaml is there already.*\n.*'u' sets the images in it"):
        write_new({**files, tmp_path / "deploy/d.yaml": "d"}, update="u")
    assert not (tmp_path / "deploy/d.yaml").exists()
    assert (tmp_path / "deploy/b.yaml").read_text() == "mine"
