"""The JSON Schema of `sealift.yaml`, for editors: `python -m pipelines.config.json_schema [--check]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.config.schema import Config

COMMAND = "python -m pipelines.config.json_schema"
DEFAULT_OUTPUT = Path("docs/sealift.schema.json")


def json_schema() -> dict[str, Any]:
    """The schema, in draft 2020-12 (https://json-schema.org/draft/2020-12). Values are whatever JSON has, hence Any."""
    schema = Config.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sealift.yaml",
        "description": "Configuration of Sealift: services, environments and the rules of a release.",
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


def render() -> str:
    """The file's text; the same for the same models."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or with `--check` compare it. Returns 1 if it is not what the models say."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file has drifted")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not options.check:
        options.output.write_text(render(), encoding="utf-8")
        return 0
    there = options.output.read_text(encoding="utf-8") if options.output.is_file() else ""
    if there == render():
        return 0
    state = "is not what pipelines/config/schema.py says" if there else "is missing"
    sys.stderr.write(f"{options.output} {state}; run: {COMMAND}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
