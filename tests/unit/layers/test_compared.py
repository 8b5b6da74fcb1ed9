"""The first file that differs between two layers."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest

from pipelines.layers.compared import first_difference
from tests.unit.layers.archives import NOW, entry, layer

Entry = tuple[tarfile.TarInfo, bytes]
TEXT = hashlib.sha256(b"text").hexdigest()[:12]


def made(**fields: object) -> Entry:
    return entry("etc/b", **fields), b"text"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ((entry("etc/b"), b"TEXT"), [["content", TEXT, hashlib.sha256(b"TEXT").hexdigest()[:12]]]),
        (made(mode=0o755), [["mode", "rw-r--r-- (0644)", "rwxr-xr-x (0755)"]]),
        (made(mtime=NOW + 1), [["mtime", f"{NOW}", f"{NOW + 1}"]]),
        (made(uid=1, gname="staff"), [["owner", "0:0", "1:0 :staff"]]),
        (
            (entry("etc/b", kind=tarfile.SYMTYPE, linkname="a", mode=0o644), b""),
            [["kind", "a file", "a symbolic link"], ["content", TEXT, ""], ["size", 4, 0], ["link", "", "a"]],
        ),
    ],
)
def test_what_differs_is_told(tmp_path: Path, other: Entry, what: list[object]) -> None:
    first = (entry("etc/a"), b"same")
    one = layer(tmp_path / "one", first, made())
    two = layer(tmp_path / "two", first, other)
    assert first_difference(one, two) == {"path": "etc/b", "what": what}


def test_a_file_that_only_one_has_is_told(tmp_path: Path) -> None:
    one = layer(tmp_path / "one", (entry("a"), b""), (entry("c"), b""))
    two = layer(tmp_path / "two", (entry("a"), b""), (entry("b"), b""), (entry("c"), b""))
    assert first_difference(one, two) == {"path": "b", "what": [["presence", None, "there"]]}
    assert first_difference(two, one) == {"path": "b", "what": [["presence", "there", None]]}
    three = layer(tmp_path / "three", (entry("a"), b""))
    assert first_difference(one, three) == {"path": "c", "what": [["presence", "there", None]]}


def test_archives_that_say_the_same_have_no_difference(tmp_path: Path) -> None:
    layers = [layer(tmp_path / name, (entry("a"), b"x")) for name in ("one", "two")]
    assert first_difference(*layers) is None
