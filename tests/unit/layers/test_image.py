"""Manifests and configurations of images that were written anew."""

from __future__ import annotations

from typing import Any

from pipelines.layers.image import GZIP, KeptLayer, Layer, new_config, new_manifest, written

LAYER = Layer(digest="sha256:new", size=5, diff_id="sha256:archive")
BASE = KeptLayer(descriptor={"mediaType": "m", "digest": "sha256:base", "size": 1}, diff_id="sha256:under")
COMMIT = "2025-01-20T14:30:00Z"


def test_every_time_is_the_commits_and_the_history_the_dockerfiles() -> None:
    labels = {"org.opencontainers.image.base.name": "python:3", "org.opencontainers.image.base.digest": "sha256:b"}
    config: dict[str, Any] = {
        "created": "2026-01-01T10:00:00.123Z",
        "config": {"User": "1001", "Labels": labels},
        "history": [{"created": "2026-01-01T09:00:00Z", "created_by": "import"}, {"created_by": "COPY"}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:base", "sha256:old"]},
    }
    assert new_config(config, [BASE], [LAYER], COMMIT, ["COPY a b"]) == {
        "created": COMMIT,
        "config": {"User": "1001", "Labels": labels},
        "history": [
            {"created": COMMIT, "created_by": "FROM python:3@sha256:b"},
            {"created": COMMIT, "created_by": "COPY a b"},
        ],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:under", "sha256:archive"]},
    }
    assert new_config({"rootfs": {"diff_ids": []}}, [], [], COMMIT, [])["history"] == []


def history(steps: list[str], kept: int, layers: int) -> list[str]:
    made = new_config({"rootfs": {}}, [BASE] * kept, [LAYER] * layers, COMMIT, steps)["history"]
    return [entry["created_by"] for entry in made]


def test_which_instruction_made_a_layer_is_said_where_that_is_clear() -> None:
    assert history(["WORKDIR /a", "RUN b"], 1, 2) == ["FROM the base image", "WORKDIR /a", "RUN b"]
    assert history(["WORKDIR /a", "RUN b"], 0, 1) == ["RUN b"]
    assert history(["WORKDIR /a", "RUN b"], 0, 3) == ["a step of the Dockerfile"] * 3


def test_the_manifest_names_the_new_layers_after_those_of_the_base() -> None:
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": "c", "digest": "sha256:c", "size": 1},
        "layers": [{"mediaType": "m", "digest": name, "size": 2} for name in ("sha256:anew", "sha256:old")],
        "annotations": {"a": "b"},
    }
    assert new_manifest(manifest, [BASE], [LAYER], ("sha256:d", 9)) == {
        "schemaVersion": 2,
        "config": {"mediaType": "c", "digest": "sha256:d", "size": 9},
        "layers": [BASE.descriptor, {"mediaType": GZIP, "digest": "sha256:new", "size": 5}],
        "annotations": {"a": "b"},
    }


def test_a_document_is_written_in_one_way() -> None:
    assert written({"b": 1, "a": {"d": "é", "c": 2}}) == b'{"a":{"c":2,"d":"\\u00e9"},"b":1}'
