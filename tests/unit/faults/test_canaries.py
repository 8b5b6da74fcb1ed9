"""The search of `tests/faults/test_canary.py` finds what is planted: a test of leaks must be able to fail."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.faults.canaries import Canary, Hunt, document, encoded, files, password
from tests.faults.onlooker import Onlooker, Sight

WAYS = [*encoded(bytes(range(64, 112)))]
COLUMNS = 40


@pytest.fixture(params=[password, document], ids=["a password", "a document"])
def canary(request: pytest.FixtureRequest) -> Canary:
    made = request.param("it")
    assert isinstance(made, Canary)
    return made


@pytest.fixture
def hunt(canary: Canary, tmp_path: Path) -> Hunt:
    return Hunt.of(tmp_path / "pieces", canary, password("another"))


def broken(data: bytes) -> bytes:
    return b"\n".join(data[at : at + COLUMNS] for at in range(0, len(data), COLUMNS))


@pytest.mark.parametrize("lines", [1, 2], ids=["one line", "broken"])
@pytest.mark.parametrize("way", WAYS)
def test_a_file_with_one_of_its_marks_written_in_a_way(
    canary: Canary, hunt: Hunt, tmp_path: Path, way: str, lines: int
) -> None:
    tree = tmp_path / "tree/deep"
    tree.mkdir(parents=True)
    form = encoded(canary.marks[-1])[way]
    (tree / "clean").write_bytes(os.urandom(1000))
    (tree / "file").write_bytes(os.urandom(1000) + (broken(form) if lines > 1 else form) + os.urandom(1000))
    assert hunt.inside(files(tmp_path / "tree")) == {str(tree / "file"): {"it"}}


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b'{"auth": "'])
def test_the_whole_text_in_base64_whatever_stands_before_it(canary: Canary, hunt: Hunt, before: bytes) -> None:
    assert hunt.named(base64.encodebytes(before + canary.text.encode())) == {"it"}
    assert hunt.named(base64.encodebytes(before + b"x" * 200)) == set()


def test_a_layer_and_an_attested_document(canary: Canary, hunt: Hunt, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("deleted/later")
        member.size = len(canary.text)
        archive.addfile(member, io.BytesIO(canary.text.encode()))
    statement = base64.b64encode(json.dumps({"predicate": canary.marks[0].hex()}).encode()).decode()
    blobs = {
        "layer": buffer.getvalue(),
        "attestation": json.dumps({"dsseEnvelope": {"payload": statement}}).encode(),
        "clean": gzip.compress(b"nothing"),
    }
    for name, data in blobs.items():
        (tmp_path / name).write_bytes(data)
    found = hunt.unwrapped([tmp_path / name for name in blobs])
    assert found == {str(tmp_path / "layer"): {"it"}, str(tmp_path / "attestation"): {"it"}}


def test_what_is_not_written_to_its_end_and_what_only_looks_compressed(
    canary: Canary, hunt: Hunt, tmp_path: Path
) -> None:
    text = canary.text.encode()
    whole = gzip.compress(b"before") + gzip.compress(text * 3)
    blobs = {"cut": whole[:-8], "like": b"\x1f\x8b" + text, "two": whole}
    for name, data in blobs.items():
        (tmp_path / name).write_bytes(data)
    assert hunt.unwrapped([tmp_path / name for name in blobs]) == {str(tmp_path / name): {"it"} for name in blobs}


def test_only_what_was_written_since(canary: Canary, hunt: Hunt, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "before").write_text(canary.text)
    stamp = tmp_path / "stamp"
    stamp.touch()
    (tree / "since").write_text(canary.text)
    # As an archive that is unpacked sets it.
    os.utime(tree / "since", (0, 0))
    assert files(tree, newer=stamp) == [tree / "since"]
    assert hunt.inside(files(tree, newer=stamp)) == {str(tree / "since"): {"it"}}


def test_a_process_that_has_it(canary: Canary, hunt: Hunt) -> None:
    wait = "import sys; print(flush=True); sys.stdin.read()"
    environ = {**os.environ, "PLANTED": canary.text}
    onlooker = Onlooker()
    with subprocess.Popen(
        [sys.executable, "-c", wait, canary.marks[0].hex()], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        onlooker.look()
        process.communicate()
    program = f"{Path(sys.executable).name} {wait}"
    assert onlooker.sights(hunt) == {Sight("it", program, None), Sight("it", program, "PLANTED")}
