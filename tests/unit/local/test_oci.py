from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from ci.local.images.oci import INDEX, MANIFEST, Entry, Layout, load_layer, tree, write_entries


def layer(folder: Path, *entries: Entry) -> Path:
    folder.mkdir()
    write_entries(folder, entries)
    return folder


def members(folder: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(folder / "layer.tar.gz") as tar:
        return {info.name: info for info in tar.getmembers()}


def test_a_layer_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    entries = [Entry("b", content=b"2", mode=0o600, owner=7), Entry("a/link", link="../b"), Entry("a", mode=0o1777)]
    first = load_layer(layer(tmp_path / "1", *entries))
    second = load_layer(layer(tmp_path / "2", *reversed(entries)))
    assert (first.digest, first.diff_id) == (second.digest, second.diff_id)
    found = members(tmp_path / "1")
    assert list(found) == ["a", "a/link", "b"]
    assert (found["a"].isdir(), found["a"].mode) == (True, 0o1777)
    assert found["a/link"].linkname == "../b"
    assert (found["b"].uid, found["b"].gid, found["b"].mode) == (7, 7, 0o600)


def test_a_layers_digests_are_those_of_its_bytes(tmp_path: Path) -> None:
    written = load_layer(layer(tmp_path / "1", Entry("a", content=b"x" * 100_000)))
    packed = written.path.read_bytes()
    assert written.digest == "sha256:" + hashlib.sha256(packed).hexdigest()
    assert written.diff_id == "sha256:" + hashlib.sha256(gzip.decompress(packed)).hexdigest()
    assert written.descriptor["size"] == len(packed)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getmember("a").size == 100_000


def test_a_folder_keeps_links_and_what_can_be_run(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "run").write_text("x")
    (source / "bin" / "run").chmod(0o700)
    (source / "read").write_text("x")
    (source / "again").symlink_to("bin/run")
    entries = {entry.path: entry for entry in tree(source, "usr")}
    assert entries["usr/bin/run"].mode == 0o755
    assert entries["usr/read"].mode == 0o644
    assert entries["usr/again"].link == "bin/run"


def test_a_layout_holds_an_index_over_its_platforms(tmp_path: Path) -> None:
    one = load_layer(layer(tmp_path / "1", Entry("a", content=b"x")))
    layout = Layout(tmp_path / "layout")
    images = [layout.image(name, [one], {"Cmd": ["x"]}, {"mark": "yes"}) for name in ("amd64", "arm64")]
    digest = layout.index(images, {"mark": "yes"}, "tag")

    blobs = {f"sha256:{path.name}": path.read_bytes() for path in (tmp_path / "layout" / "blobs" / "sha256").iterdir()}
    assert all("sha256:" + hashlib.sha256(data).hexdigest() == name for name, data in blobs.items())
    top = json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]
    assert [(entry["digest"], entry["mediaType"]) for entry in top] == [(digest, INDEX)]
    assert top[0]["annotations"] == {"org.opencontainers.image.ref.name": "tag"}
    index = json.loads(blobs[digest])
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
    for entry in index["manifests"]:
        manifest = json.loads(blobs[entry["digest"]])
        assert manifest["mediaType"] == MANIFEST
        assert manifest["layers"] == [one.descriptor]
        config = json.loads(blobs[manifest["config"]["digest"]])
        assert config["architecture"] == entry["platform"]["architecture"]
        assert config["rootfs"]["diff_ids"] == [one.diff_id]
        assert config["config"] == {"Cmd": ["x"]}
