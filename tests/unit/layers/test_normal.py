"""Layers that were written anew."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import py_compile
import tarfile
from pathlib import Path

from pipelines.layers.normal import sources, write
from tests.unit.layers.archives import NOW, entry, layer, read

EPOCH = 1732000000


def test_two_layers_that_differ_in_times_and_names_of_owners_become_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for number, seconds in enumerate((0, 3600.5, -NOW)):
        folder = tmp_path / str(number)
        folder.mkdir()
        made = layer(
            folder / "old",
            (entry("etc", kind=tarfile.DIRTYPE, mtime=NOW + seconds), b""),
            (entry("etc/a", mtime=NOW + seconds, uname=f"user{number}", gname="staff", uid=7, gid=8), b"text"),
        )
        digests.append(write(made, folder / "new", EPOCH, {}))
    assert digests[0] == digests[1] == digests[2]
    new = (tmp_path / "0/new").read_bytes()
    assert digests[0] == tuple(f"sha256:{hashlib.sha256(data).hexdigest()}" for data in (gzip.decompress(new), new))
    (found, content) = read(tmp_path / "0/new")["etc/a"]
    assert (found.mtime, found.uid, found.gid, found.uname, found.gname) == (EPOCH, 7, 8, "", "")
    assert content == b"text"


def test_everything_else_of_a_layer_stays(tmp_path: Path) -> None:
    capability = {"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\udcff\x04"}
    made = layer(
        tmp_path / "old",
        (entry("dev/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3), b""),
        (entry("bin/ping", mode=0o4755, pax_headers=dict(capability)), b"elf"),
        (entry("bin/pong", kind=tarfile.LNKTYPE, linkname="bin/ping"), b""),
        (entry("bin/sh", kind=tarfile.SYMTYPE, linkname="dash"), b""),
        (entry("etc/.wh.gone"), b""),
        (entry("n" * 150 + "\udcff"), b"bytes in a name"),
    )
    before = read(made)
    write(made, tmp_path / "new", EPOCH, {})
    after = read(tmp_path / "new")
    assert list(after) == list(before)
    for name, (old, content) in before.items():
        new = after[name][0]
        assert after[name][1] == content
        for field in ("type", "mode", "uid", "gid", "linkname", "devmajor", "devminor", "size"):
            assert getattr(new, field) == getattr(old, field), (name, field)
    assert after["bin/ping"][0].pax_headers["SCHILY.xattr.security.capability"] == capability.popitem()[1]


def test_compiled_python_still_fits_its_source(tmp_path: Path) -> None:
    source = tmp_path / "m.py"
    source.write_text("x = 1\n")
    os.utime(source, (NOW, NOW))
    kinds = py_compile.PycInvalidationMode
    stamped, hashed = (
        Path(py_compile.compile(str(source), str(tmp_path / kind.name), invalidation_mode=kind) or "").read_bytes()
        for kind in (kinds.TIMESTAMP, kinds.CHECKED_HASH)
    )
    made = layer(
        tmp_path / "old",
        (entry("app/__pycache__/m.cpython-311.opt-1.pyc"), stamped),
        (entry("app/__pycache__/of_the_base.cpython-311.pyc"), stamped),
        (entry("app/__pycache__/stale.cpython-311.pyc"), stamped),
        (entry("app/__pycache__/hashed.cpython-311.pyc"), hashed),
        (entry("app/hashed.py"), b"x = 1\n"),
        (entry("./app/m.py", mtime=NOW + 0.75), b"x = 1\n"),
        (entry("app/stale.py", mtime=NOW + 1), b"x = 1\n"),
    )
    write(made, tmp_path / "new", EPOCH, sources(made))
    after = {name.removeprefix("app/__pycache__/"): content for name, (_, content) in read(tmp_path / "new").items()}
    assert after["m.cpython-311.opt-1.pyc"] == stamped[:8] + EPOCH.to_bytes(4, "little") + stamped[12:]
    for name in ("of_the_base.cpython-311.pyc", "stale.cpython-311.pyc"):
        assert after[name] == stamped
    assert after["hashed.cpython-311.pyc"] == hashed
    # Python itself agrees: it takes what fits, and does not compile again.
    (tmp_path / "__pycache__").mkdir()
    cached = Path(importlib.util.cache_from_source(str(source)))
    cached.write_bytes(after["m.cpython-311.opt-1.pyc"])
    os.utime(source, (EPOCH, EPOCH))
    inode = cached.stat().st_ino
    specification = importlib.util.spec_from_file_location("m", source)
    assert specification is not None and specification.loader is not None
    specification.loader.exec_module(importlib.util.module_from_spec(specification))
    assert cached.stat().st_ino == inode
