"""Searches an image for the values of secrets, in a container of its own. Standard library only.

Arguments: the folder of an OCI layout whose layers are not compressed, the folder that has each secret in a file named
by its number, and the secrets' names. Prints one line of JSON: where each was found, and never what.
"""

import base64
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Bytes that a value must have: what is shorter is in every image."""
CHUNK = 1 << 24
_SPACE = b" \t\r\n"
_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]+)-----END")

Forms = frozenset[bytes]
Place = tuple[str, str]
"""Which part of the image, and where in it."""


def forms(value: bytes) -> Forms:
    """What a value can look like: as it is, in JSON, in a URL, hexadecimal, in Base64; of a PEM, its body too.

    All without white space, and so to be looked for where there is none: lines may be broken, indented or joined.
    """
    found = {form for secret in (value.strip(), *_bodies(value)) if len(secret) >= SHORTEST for form in _forms(secret)}
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _bodies(value: bytes) -> list[bytes]:
    return [body.translate(None, _SPACE) for body in _PEM.findall(value)]


def _forms(secret: bytes) -> Iterator[bytes]:
    text = secret.decode("utf-8", "surrogateescape")
    escaped = (json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (True, False))
    for form in (text, *escaped, quote(secret, safe=""), quote_plus(secret), secret.hex(), secret.hex().upper()):
        yield form.encode("utf-8", "surrogateescape").translate(None, _SPACE)
    for offset in range(3):
        # Behind other bytes, as in "user:password", the first and the last character depend on these too.
        coded = base64.b64encode(bytes(offset) + secret)
        known = coded[(offset * 8 + 5) // 6 : (offset + len(secret)) * 8 // 6]
        yield known
        yield known.translate(bytes.maketrans(b"+/", b"-_"))


def found_in(stream: IO[bytes], wanted: Mapping[str, Forms]) -> set[str]:
    """The names of those secrets that are in a stream."""
    longest = max((len(form) for forms in wanted.values() for form in forms), default=0)
    found: set[str] = set()
    tail = b""
    while chunk := stream.read(CHUNK):
        text = tail + chunk.translate(None, _SPACE)
        found |= {name for name, forms in wanted.items() if name not in found and any(form in text for form in forms)}
        tail = text[-longest:]
    return found


def in_text(text: str, wanted: Mapping[str, Forms]) -> set[str]:
    """The same for a text."""
    return found_in(BytesIO(text.encode("utf-8", "surrogateescape")), wanted)


def in_layer(file: IO[bytes], wanted: Mapping[str, Forms]) -> Iterator[tuple[str, str]]:
    """Secret and path of each file of a layer that has one: in what it holds, its name or its attributes."""
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            named = in_text(member.name, wanted)
            found = named | in_text("\n".join((member.linkname, *member.pax_headers.values())), wanted)
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                found |= found_in(content, wanted)
            path = "the name of a file" if named else f"/{member.name.lstrip('./')}"
            yield from ((name, path) for name in sorted(found))


def in_document(value: Any, wanted: Mapping[str, Forms], at: str = "") -> Iterator[tuple[str, str]]:
    """Secret and place of each text of a document that has one, its keys among them: `config.Env[2]`."""
    if isinstance(value, dict):
        for key, item in value.items():
            named = in_text(key, wanted)
            yield from ((name, f"a key of {at}") for name in sorted(named))
            yield from in_document(item, wanted, at if named else f"{at}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from in_document(item, wanted, f"{at}[{number}]")
    elif isinstance(value, str):
        yield from ((name, at) for name in sorted(in_text(value, wanted)))


def in_image(layout: Path, wanted: Mapping[str, Forms]) -> Iterator[tuple[str, Place]]:
    """Secret and place of everything that is found in the only image of a layout."""

    def blob(descriptor: Mapping[str, Any]) -> Path:
        return layout / "blobs" / str(descriptor["digest"]).replace(":", "/", 1)

    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifest = json.loads(blob(entry).read_bytes())
    config = json.loads(blob(manifest["config"]).read_bytes())
    for part, document in (("manifest", manifest), ("configuration", config)):
        yield from ((name, (part, at)) for name, at in in_document(document, wanted))
    for number, layer in enumerate(manifest["layers"], 1):
        with blob(layer).open("rb") as file:
            part = f"layer {number} of {len(manifest['layers'])}"
            yield from ((name, (part, path)) for name, path in in_layer(file, wanted))


def main(layout: str, secrets: str, *names: str) -> None:
    """Search, and say where what was found."""
    wanted = {name: forms((Path(secrets) / str(number)).read_bytes()) for number, name in enumerate(names)}
    found: dict[str, list[Place]] = {name: [] for name, looks in wanted.items() if looks}
    for name, place in in_image(Path(layout), {name: wanted[name] for name in found}):
        found[name].append(place)
    print(json.dumps({"found": found, "short": [name for name in names if name not in found]}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
