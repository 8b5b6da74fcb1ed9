"""The generated JSON Schemas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.schemas import DOCUMENTS, json_schema, main, render

DOCS = Path(__file__).parents[2] / "docs"


def test_no_drift() -> None:
    assert main(["--check", "--folder", str(DOCS)]) == 0


def test_drift_is_told_with_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    command = "run: python -m pipelines.schemas"
    assert capsys.readouterr().err.splitlines() == [f"{tmp_path / name} is missing; {command}" for name in DOCUMENTS]
    assert main(["--folder", str(tmp_path)]) == 0
    path = tmp_path / "sealift.schema.json"
    path.write_text("{}")
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{path} is not what pipelines.config.schema says; {command}\n"
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0


def test_the_configurations_shape() -> None:
    document = DOCUMENTS["sealift.schema.json"]
    schema = json_schema(document)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "sealift.yaml"
    assert schema["required"] == ["version", "project", "source", "services", "environments"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["services"]["additionalProperties"] is False
    assert schema["$defs"]["Service"]["additionalProperties"] is False
    assert render(document) == render(document)
    assert json.loads(render(document)) == schema


def test_the_records_shape() -> None:
    schema = json_schema(DOCUMENTS["release.schema.json"])
    assert schema["title"] == "release.json"
    assert {"format", "state", "plan", "services", "verdict"} <= set(schema["required"])
