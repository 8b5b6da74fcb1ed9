"""The generated JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.config.json_schema import json_schema, main, render

SCHEMA = Path(__file__).parents[3] / "docs/sealift.schema.json"


def test_no_drift() -> None:
    assert main(["--check", "--output", str(SCHEMA)]) == 0


def test_drift_is_told_with_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "schema.json"
    assert main(["--check", "--output", str(path)]) == 1
    command = "run: python -m pipelines.config.json_schema"
    assert capsys.readouterr().err == f"{path} is missing; {command}\n"
    path.write_text("{}")
    assert main(["--check", "--output", str(path)]) == 1
    assert capsys.readouterr().err == f"{path} is not what pipelines/config/schema.py says; {command}\n"
    assert main(["--output", str(path)]) == 0
    assert main(["--check", "--output", str(path)]) == 0


def test_shape() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "sealift.yaml"
    assert schema["required"] == ["version", "project", "source", "services", "environments"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["services"]["additionalProperties"] is False
    assert schema["$defs"]["Service"]["additionalProperties"] is False
    assert render() == render()
    assert json.loads(render()) == schema
