"""VEX documents that the configuration names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.config import InvalidConfig, load
from pipelines.config.vex import read_vex

OPENVEX = {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/v", "statements": []}
CSAF = {"document": {"category": "csaf_vex"}, "product_tree": {}, "vulnerabilities": []}


@pytest.mark.parametrize("document", [OPENVEX, CSAF], ids=["OpenVEX", "CSAF"])
def test_a_document_is_read_as_it_is(tmp_path: Path, document: dict[str, object]) -> None:
    text = json.dumps(document, indent=1)
    (tmp_path / "vex.json").write_text(text)
    (vex,) = read_vex(tmp_path, ["vex.json"])
    assert (vex.file, vex.text) == ("vex.json", text)
    assert vex.digest.startswith("sha256:")


def test_all_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    texts = {
        "half.json": '{"@context":\n "https',
        "sbom.json": json.dumps({"bomFormat": "CycloneDX", "vulnerabilities": []}),
        "list.json": "[]",
        "other.json": json.dumps({**OPENVEX, "@context": "https://schema.org"}),
        "empty.json": json.dumps({"@context": OPENVEX["@context"]}),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidConfig) as caught:
        read_vex(tmp_path, [*texts, "gone.json"])
    neither = ":1:1: is neither OpenVEX, with '@context' and 'statements', nor CSAF, with"
    found = {problem.source: str(problem) for problem in caught.value.problems}
    assert found.pop("half.json").startswith("half.json:2:2: is no JSON: ")
    assert found.pop("gone.json") == "gone.json: there is no such file"
    assert len(found) == 4
    for name, said in found.items():
        assert said.startswith(name + neither)


def test_where_the_documents_must_be(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "sealift.yaml").write_text(
        "version: 1\nproject: shop\nsource: https://example.com/shop\n"
        "policy: {vex: [src/Dockerfile, gone.json, src/Dockerfile, ../v.json]}\nservices:\n  a: {context: src}\n"
        "environments:\n  local: {registry: 'localhost:5000'}\n"
    )
    with pytest.raises(InvalidConfig) as caught:
        load(tmp_path, environ={})
    assert [str(problem).partition(" ")[2] for problem in caught.value.problems] == [
        "policy.vex[1]: there is no file 'gone.json'",
        "policy.vex[2]: 'src/Dockerfile' is listed twice",
        "policy.vex[3]: '../v.json' leads out of the repository",
    ]
