"""Secrets that are made to be found again, however they are written, and the search for them in anything on disk."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import string
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

PIECE = 16
"""Bytes of a piece. Any one, in any encoding, is a leak; of what is broken into lines of twice that, one is whole."""
_GZIP = b"\x1f\x8b"
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}")
_DEEPEST = 3
_ALPHABET = string.ascii_letters + string.digits + "/+%&"


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A secret. Its `marks` are what no other text has: all of a password; of a document, what is secret in it."""

    name: str
    text: str
    marks: tuple[bytes, ...]

    def pieces(self) -> set[bytes]:
        """What must not be anywhere."""
        return {
            form[at : at + PIECE]
            for mark in self.marks
            for form in encoded(mark).values()
            for at in range(0, len(form) - PIECE + 1, PIECE)
        }


def password(name: str) -> Canary:
    """A random one, with characters that a URL has to quote."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(48))
    return Canary(name=name, text=text, marks=(text.encode(),))


def document(name: str) -> Canary:
    """JSON over several lines, with a secret on two of them."""
    marks = [password(name).text for _ in range(2)]
    return Canary(
        name=name,
        text=json.dumps({"type": "service_account", "first": marks[0], "second": marks[1]}, indent=2),
        marks=tuple(mark.encode() for mark in marks),
    )


def encoded(mark: bytes) -> dict[str, bytes]:
    """The ways to write it; in Base64, what is the same whatever stands before and after it."""
    forms = {
        "plain": mark,
        "JSON": json.dumps(mark.decode("latin-1"))[1:-1].encode(),
        "URL": quote(mark, safe="").encode(),
        "hex": mark.hex().encode(),
        "HEX": mark.hex().upper().encode(),
    }
    for offset in range(3):
        form = base64.b64encode(bytes(offset) + mark)[offset + (offset > 0) : (offset + len(mark)) // 3 * 4]
        forms |= {f"base64 {offset}": form, f"base64url {offset}": form.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


@dataclass(frozen=True)
class Hunt:
    """The search for all canaries.

    :param pieces: canary → what must not be anywhere.
    :param file: the same, a line each: they are no program's arguments.
    """

    pieces: dict[str, set[bytes]]
    file: Path

    @classmethod
    def of(cls, file: Path, *canaries: Canary) -> Hunt:
        made = cls({canary.name: canary.pieces() for canary in canaries}, file)
        # A piece of bytes that has a line's end cannot be written; it has others.
        lines = {piece for pieces in made.pieces.values() for piece in pieces if b"\n" not in piece}
        file.write_bytes(b"\n".join(sorted(lines)) + b"\n")
        return made

    def named(self, data: bytes) -> set[str]:
        """The canaries that are in these bytes."""
        return {name for name, pieces in self.pieces.items() if any(piece in data for piece in pieces)}

    def inside(self, paths: Iterable[Path]) -> dict[str, set[str]]:
        """File → the canaries in it, as it is. Some may be gone meanwhile."""
        grep = ["xargs", "-0", "-r", "-n", "500", "grep", "-laFs", "-f", str(self.file)]
        given = b"\0".join(os.fsencode(path) for path in paths)
        listed = subprocess.run(grep, input=given, capture_output=True, check=False).stdout
        return {line: self._names(Path(line)) for line in os.fsdecode(listed).splitlines()}

    def _names(self, path: Path) -> set[str]:
        try:
            return self.named(path.read_bytes())
        except OSError:
            return set()

    def unwrapped(self, blobs: Sequence[Path]) -> dict[str, set[str]]:
        """File → the canaries in it, or in what is packed into it. Some may be gone meanwhile."""
        with TemporaryDirectory() as folder:
            for number, blob in enumerate(blobs):
                with (Path(folder) / str(number)).open("wb") as file, suppress(FileNotFoundError):
                    file.writelines(part + b"\0" for part in unpacked(blob.read_bytes()))
            return {str(blobs[int(Path(path).name)]): names for path, names in self.inside(files(Path(folder))).items()}


def files(tree: Path, *, newer: Path | None = None) -> list[Path]:
    """The files below a folder, those that go away meanwhile left out.

    :param newer: only what was written after this one, whatever time it says of its content.
    """
    command = ["find", tree, "-type", "f", *(["-cnewer", newer] if newer else []), "-print0"]
    listed = subprocess.run(command, capture_output=True, check=False).stdout
    return [Path(os.fsdecode(path)) for path in listed.split(b"\0") if path]


def _inflated(data: bytes) -> bytes:
    """What is compressed in it, as far as it goes: a file may be read while it is written, and bytes only look so."""
    found = []
    while data.startswith(_GZIP):
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            found.append(member.decompress(data))
        except zlib.error:
            break
        data = member.unused_data
    return b"".join(found)


def unpacked(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and what they are the compressed or the Base64 form of, or hold so."""
    yield data
    if depth == _DEEPEST:
        return
    if data.startswith(_GZIP) and (inside := _inflated(data)):
        yield from unpacked(inside, depth + 1)
        return
    for text in _BASE64.findall(data):
        # What stands before it may look as if it were a part: the `n` of a line's end in JSON.
        for start in range(4):
            yield from unpacked(base64.b64decode(text[start : start + (len(text) - start) // 4 * 4]), depth + 1)
