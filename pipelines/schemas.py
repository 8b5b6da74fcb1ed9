"""The JSON Schemas of the documents that people and programs read: `python -m pipelines.schemas [--check]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from pipelines.config.ignores import Ignores
from pipelines.config.lock import LockFile
from pipelines.config.schema import Config
from pipelines.lock import FILE
from pipelines.partial import Partial
from pipelines.record import Record

COMMAND = "python -m pipelines.schemas"
FOLDER = Path("docs")


class Document(NamedTuple):
    """A kind of document: the model that reads it, and what it is called."""

    model: type[BaseModel]
    title: str
    description: str


DOCUMENTS: Mapping[str, Document] = {
    "sealift.schema.json": Document(
        Config, "sealift.yaml", "Configuration of Sealift: services, environments and the rules of a release."
    ),
    "ignores.schema.json": Document(
        Ignores,
        "policy.ignores",
        "What may leave for a time, each with its reason, its owner and its end.",
    ),
    "lock.schema.json": Document(
        LockFile, FILE, "Which image each name of a base or tool stands for; made by 'sealift lock'."
    ),
    "partial.schema.json": Document(
        Partial, "partial.json", "What one runner has built of a release, for another to assemble."
    ),
    "release.schema.json": Document(
        Record, "release.json", "What was released, from what, and why it was allowed to leave."
    ),
}
"""File below `docs/` → what it is the schema of."""


def json_schema(document: Document) -> dict[str, Any]:
    """The schema, in draft 2020-12 (https://json-schema.org/draft/2020-12). Values are whatever JSON has, hence Any."""
    schema = document.model.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": document.title,
        "description": document.description,
    }
    closed: dict[str, Any] = _closed({**head, **{key: value for key, value in schema.items() if key not in head}})
    return closed


def _closed(node: Any) -> Any:
    """With every mapping of names closed: pydantic gives names a pattern, but lets other names pass."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    if "patternProperties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def render(document: Document) -> str:
    """The file's text; the same for the same models."""
    return json.dumps(json_schema(document), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` compare them. Returns 1 if one is not what the models say."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file has drifted")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    options = parser.parse_args(arguments)
    drifted = 0
    for name, document in DOCUMENTS.items():
        path: Path = options.folder / name
        there = path.read_text(encoding="utf-8") if path.is_file() else ""
        if there == render(document):
            continue
        if not options.check:
            path.write_text(render(document), encoding="utf-8")
            continue
        module = document.model.__module__
        state = f"is not what {module} says" if there else "is missing"
        sys.stderr.write(f"{path} {state}; run: {COMMAND}\n")
        drifted = 1
    return drifted


if __name__ == "__main__":
    sys.exit(main())
