"""Manifests and configurations of images that were written anew."""

from __future__ import annotations

from typing import Any

from pipelines.layers.image import GZIP, Layer, new_config, new_manifest, shared, written

LAYER = Layer(digest="sha256:new", size=5, diff_id="sha256:archive")
COMMIT = "2025-01-20T14:30:00Z"


def test_what_an_image_has_of_its_base_is_what_is_the_same_from_the_beginning() -> None:
    assert shared("abc", "abd") == 2
    assert shared("abc", "ab") == 2
    assert shared("abc", "") == 0
    assert shared("abc", "xbc") == 0


def test_every_time_is_the_commits() -> None:
    config: dict[str, Any] = {
        "created": "2026-01-01T10:00:00.123Z",
        "config": {"User": "1001"},
        "history": [{"created": "2026-01-01T09:00:00Z", "created_by": "import"}, {"created_by": "COPY"}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:base", "sha256:old"]},
    }
    assert new_config(config, 1, [LAYER], COMMIT) == {
        "created": COMMIT,
        "config": {"User": "1001"},
        "history": [{"created": COMMIT, "created_by": "import"}, {"created": COMMIT, "created_by": "COPY"}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:base", "sha256:archive"]},
    }
    assert new_config({"rootfs": {"diff_ids": []}}, 0, [], COMMIT)["history"] == []


def test_the_manifest_names_the_new_layers_after_those_of_the_base() -> None:
    base = {"mediaType": "m", "digest": "sha256:base", "size": 1}
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": "c", "digest": "sha256:c", "size": 1},
        "layers": [base, {"mediaType": "m", "digest": "sha256:old", "size": 2}],
        "annotations": {"a": "b"},
    }
    assert new_manifest(manifest, 1, [LAYER], ("sha256:d", 9)) == {
        "schemaVersion": 2,
        "config": {"mediaType": "c", "digest": "sha256:d", "size": 9},
        "layers": [base, {"mediaType": GZIP, "digest": "sha256:new", "size": 5}],
        "annotations": {"a": "b"},
    }


def test_a_document_is_written_in_one_way() -> None:
    assert written({"b": 1, "a": {"d": "é", "c": 2}}) == b'{"a":{"c":2,"d":"\\u00e9"},"b":1}'
