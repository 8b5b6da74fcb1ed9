"""The search that runs beside an image: every way in which a value can be written, and every place."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pipelines.stages import secret_search
from pipelines.stages.secret_search import forms, found_in, in_image

VALUE = f"{secrets.token_urlsafe(12)}/{secrets.token_urlsafe(12)}+%".encode()
PEM = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(secrets.token_bytes(120)) + b"-----END PRIVATE KEY-----\n"


def in_json(value: bytes) -> bytes:
    return json.dumps({"k": value.decode()}).encode()


def as_user(name: bytes) -> Callable[[bytes], bytes]:
    return lambda value: base64.b64encode(name + b":" + value + b"@")


WRITTEN: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": lambda value: b"token=" + value + b";",
    "JSON": in_json,
    "URL": lambda value: b"https://u:" + quote(value, safe="").encode() + b"@h",
    "hex": lambda value: value.hex().encode(),
    "HEX": lambda value: value.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64 over lines": base64.encodebytes,
    "base64 for URLs": base64.urlsafe_b64encode,
    "base64 behind 3 bytes": as_user(b"me"),
    "base64 behind 4 bytes": as_user(b"you"),
    "base64 behind 5 bytes": as_user(b"them"),
    "broken": lambda value: b"\r\n".join(value[at : at + 5] for at in range(0, len(value), 5)),
    "indented": lambda value: b"key: |\n    " + value.replace(b"\n", b"\n    "),
}


def looks(value: bytes, text: bytes) -> bool:
    return bool(found_in(io.BytesIO(text), {"it": forms(value)}))


@pytest.mark.parametrize("value", [VALUE, PEM], ids=["a password", "a PEM"])
@pytest.mark.parametrize("way", WRITTEN)
def test_every_way_to_write_it(value: bytes, way: str) -> None:
    assert looks(value, bytes(100) + WRITTEN[way](value) + bytes(100))
    assert not looks(value, WRITTEN[way](value[:-12][::-1]))


def test_a_pem_without_its_frame() -> None:
    body = b"".join(PEM.splitlines()[1:-1])
    assert looks(PEM, b'{"key": "' + body + b'"}')
    assert not looks(PEM, PEM.splitlines()[0] + PEM.splitlines()[-1])


def test_the_line_break_at_its_end_is_not_part_of_it() -> None:
    assert looks(VALUE + b"\n", b"x" + VALUE + b"y")


def test_bytes_that_are_no_text() -> None:
    value = bytes(range(128, 160))
    assert looks(value, b"..." + value)
    assert looks(value, base64.b64encode(value))


@pytest.mark.parametrize("value", [b"", b"1234567", b"    short\n\n"])
def test_what_is_too_short_has_no_forms(value: bytes) -> None:
    assert forms(value) == frozenset()


def test_across_the_pieces_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_search, "CHUNK", 7)
    assert looks(VALUE, b"." * 20 + VALUE)
    assert looks(VALUE, base64.encodebytes(b"." * 20 + VALUE))
    assert not looks(VALUE, b"." * 20 + VALUE[1:])


class Layout:
    """An OCI layout on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layers: list[dict[str, str]] = []
        (folder / "blobs/sha256").mkdir(parents=True)

    def blob(self, content: bytes) -> dict[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(content)
        return {"digest": f"sha256:{digest}"}

    def layer(self, *files: tuple[tarfile.TarInfo, bytes]) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for member, content in files:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        self.layers.append(self.blob(buffer.getvalue()))

    def finish(self, config: Mapping[str, Any], **manifest: Any) -> None:
        written = {"config": self.blob(json.dumps(config).encode()), "layers": self.layers, **manifest}
        index = {"manifests": [self.blob(json.dumps(written).encode())]}
        (self.folder / "index.json").write_text(json.dumps(index))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "image")


def file(name: str, **attributes: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(member, key, value)
    return member


def test_every_place_of_an_image(layout: Layout) -> None:
    text = VALUE.decode()
    layout.layer((file("etc/passwd"), b"root"), (file("root/.npmrc"), b"_authToken=" + VALUE + b"\n"))
    layout.layer((file("root/.wh..npmrc"), b""))
    layout.layer(
        (file(f"srv/{text}.lock"), b"x"),
        (file("./app/link", type=tarfile.SYMTYPE, linkname=f"/run/{text}"), b""),
        (file("app/attr", pax_headers={"SCHILY.xattr.user.key": text}), b"x"),
    )
    layout.finish(
        {"config": {"Env": ["PATH=/bin", f"TOKEN={text}"], "Labels": {text: ""}}, "history": [{"created_by": text}]},
        annotations={"note": base64.b64encode(VALUE).decode()},
    )
    found = [place for name, place in in_image(layout.folder, {"it": forms(VALUE), "other": forms(PEM)})]
    assert found == [
        ("manifest", "annotations.note"),
        ("configuration", "config.Env[1]"),
        ("configuration", "a key of config.Labels"),
        ("configuration", "history[0].created_by"),
        ("layer 1 of 3", "/root/.npmrc"),
        ("layer 3 of 3", "the name of a file"),
        ("layer 3 of 3", "/app/link"),
        ("layer 3 of 3", "/app/attr"),
    ]


def test_a_layer_that_cannot_be_read_is_not_passed_over(layout: Layout) -> None:
    layout.layers.append(layout.blob(gzip.compress(bytes(2000))))
    layout.finish({})
    with pytest.raises(tarfile.ReadError):
        list(in_image(layout.folder, {"it": forms(VALUE)}))


def test_what_it_prints_has_no_value(layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout.layer((file("key"), PEM))
    layout.finish({})
    for number, value in enumerate((VALUE, b"short", PEM)):
        (tmp_path / str(number)).write_bytes(value)
    secret_search.main(str(layout.folder), str(tmp_path), "token", "pin", "key")
    said = capsys.readouterr().out
    assert json.loads(said) == {"found": {"token": [], "key": [["layer 1 of 1", "/key"]]}, "short": ["pin"]}
