"""The layers of a base image, and whether another archive has the same files."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from pipelines.layers.base import files_of, opened


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, len(content), link
    return made, content


def packed(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for one, content in entries:
            archive.addfile(one, io.BytesIO(content))
    return path


def test_an_archives_image(tmp_path: Path) -> None:
    blobs: dict[str, bytes] = {}

    def blob(document: object) -> dict[str, object]:
        text = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        blobs["blobs/" + digest.replace(":", "/")] = text
        return {"digest": digest, "size": len(text)}

    layer = blob("the layer")
    image = blob({"layers": [layer], "config": blob({"rootfs": {"diff_ids": ["sha256:d"]}})})
    blobs["index.json"] = json.dumps({"manifests": [blob({"manifests": [image]})]}).encode()
    path = packed(tmp_path / "image", *(entry(name, content=text) for name, text in blobs.items()))
    with opened(str(path)) as archive:
        (found,) = archive.layers()
        assert (found.descriptor, found.diff_id) == (layer, "sha256:d")
        archive.fetch(found.digest, tmp_path / "layer")
    assert (tmp_path / "layer").read_text() == '"the layer"'


REGCTL = """\
import sys
answers = {
    ("manifest", "get", "--format=raw-body", "quarantine:5000/web@sha256:m"):
        '{"config": {"digest": "sha256:c"}, "layers": [{"digest": "sha256:l", "size": 1}]}',
    ("blob", "get", "quarantine:5000/web", "sha256:c"): '{"rootfs": {"diff_ids": ["sha256:d"]}}',
    ("blob", "get", "quarantine:5000/web", "sha256:l"): "the layer",
}
print(end=answers[tuple(sys.argv[1:])])
"""


def test_an_image_in_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    regctl = tmp_path / "regctl"
    regctl.write_text(f"#!{sys.executable}\n{REGCTL}")
    regctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with opened("quarantine:5000/web@sha256:m") as base:
        (found,) = base.layers()
        assert (found.descriptor, found.diff_id) == ({"digest": "sha256:l", "size": 1}, "sha256:d")
        base.fetch(found.digest, tmp_path / "layer")
    assert (tmp_path / "layer").read_text() == "the layer"


def test_what_is_the_same_however_it_is_packed(tmp_path: Path) -> None:
    one = packed(
        tmp_path / "one",
        entry("./bin/a", content=b"abc"),
        entry("./bin/b", tarfile.LNKTYPE, link="./bin/a"),
        entry("./lib", tarfile.SYMTYPE, link="usr/lib"),
    )
    other = packed(
        tmp_path / "other",
        entry("bin/", tarfile.DIRTYPE),
        entry("lib", tarfile.SYMTYPE, link="usr/lib"),
        entry("bin/b", content=b"abc"),
        entry("bin/a", tarfile.LNKTYPE, link="bin/b"),
    )
    assert files_of(one) == files_of(other)


def test_what_is_another(tmp_path: Path) -> None:
    same = files_of(packed(tmp_path / "same", entry("a", content=b"abc")))
    for number, other in enumerate(
        (entry("a", content=b"abcd"), entry("b", content=b"abc"), entry("a", tarfile.SYMTYPE))
    ):
        assert files_of(packed(tmp_path / str(number), other)) != same
