"""What `sealift render` prints."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.text import Text

from ci.terminal import answers, clean, columns, fold, report, say
from pipelines.render.update import Found, Updated

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


def as_json(release: str, files: Mapping[str, Updated]) -> dict[str, Any]:
    """What became of each image, for programs."""
    return {
        "release": release,
        "changed": any(file.before != file.after for file in files.values()),
        "files": [
            {
                "file": name,
                "changed": file.before != file.after,
                "images": [
                    {"line": found.line, "service": found.service, "image": found.was, "becomes": found.now}
                    for found in file.images
                ],
            }
            for name, file in files.items()
        ],
    }


def write_images(files: Mapping[str, Updated], *, written: bool) -> None:
    """The same for people: on standard output, or where that has the difference, on standard error."""
    images = [found for file in files.values() for found in file.images]
    lines = [_line(found) for found in images]
    lines += [f"{name}: no Kubernetes object in it" for name, file in files.items() if file.foreign]
    lines.append(_count(images, files, written=written))
    for line in lines:
        if written:
            say(answers(), Text(fold(clean(line), columns(sys.stdout))))
        else:
            report(line)


def write_difference(files: Mapping[str, Updated]) -> None:
    """What would change, as `diff -u` writes it."""
    for name, file in files.items():
        for line in _difference(name, file):
            click.echo(line)


def _difference(name: str, file: Updated) -> Iterator[str]:
    before, after = (_lines(data.decode("utf-8")) for data in (file.before, file.after))
    for line in difflib.unified_diff(before, after, fromfile=name, tofile=name, lineterm=""):
        yield line.rstrip("\r")


def _lines(text: str) -> list[str]:
    """Its lines; a last one without an end says so, as with `diff`."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else [*lines[:-1], f"{lines[-1]}\n\\ No newline at end of file"]


def _line(found: Found) -> str:
    place, was = f"{found.file}:{found.line}", _DIGEST.sub(r"\1…", found.was)
    now = _DIGEST.sub(r"\1…", found.now or "")
    if found.now is None:
        return f"{place}: {was} is not of this release, and stays"
    if not found.changed:
        return f"{place}: {was} is right already"
    return f"{place}: {was} → {now}"


def _count(images: list[Found], files: Mapping[str, Updated], *, written: bool) -> str:
    ours = [found for found in images if found.now is not None]
    changed = sum(found.changed for found in ours)
    others = len(images) - len(ours)
    done = "set" if written else "to set"
    changing = sum(file.before != file.after for file in files.values())
    return (
        f"{changed} image(s) {done}, {len(ours) - changed} right already, {others} of others;"
        f" {changing} of {len(files)} file(s) {'changed' if written else 'would change'}."
    )
