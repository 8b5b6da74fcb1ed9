from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.difference import Changed, Contents, changed_layers, differences
from pipelines.model import OCI


def image(*layers: str, config: dict[str, Any] | None = None, created: str = "2025-01-20T14:30:00Z") -> Contents:
    """An image whose layers are named by their content."""
    history = [
        {"created_by": "ENV A=1", "empty_layer": True},
        *({"created_by": f"COPY {name[0]} /"} for name in layers),
    ]
    return Contents(
        manifest={"layers": [{"digest": f"sha256:{name}", "size": len(name)} for name in layers]},
        config={"created": created, "history": history, "config": config or {}},
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (image("a1", "b1"), image("a1", "b2"), ("layer 2 of 2 ('COPY b /'): b1 → b2",)),
        (image("a1"), image("a123"), ("layer 1 of 1 ('COPY a /'): a1 → a123, 2 → 4 bytes",)),
        (image("a1"), image("a1", "b1", "c1"), ("1 layers → 3 layers",)),
        (
            image(config={"Labels": {f"{OCI}base.digest": "sha256:1", "x": "1"}}),
            image(config={"Labels": {f"{OCI}base.digest": "sha256:2", "y": "2"}}),
            ("the base image is another: sha256:1 → sha256:2", "label x: '1' → none", "label y: none → '2'"),
        ),
        (image(config={"User": "0"}), image(config={"User": "1001"}), ("configuration User: '0' → '1001'",)),
        (image(created="1"), image(created="2"), ("the time at which it was made: 1 → 2",)),
        (
            Contents(manifest={"annotations": {"k": "1"}}, config={}),
            Contents(manifest={"annotations": {"k": "2"}}, config={}),
            ("annotation k: '1' → '2'",),
        ),
        (
            image("a1"),
            image("a1"),
            ("nothing that the image specification knows: the documents are written differently",),
        ),
    ],
)
def test_what_differs(before: Contents, after: Contents, said: tuple[str, ...]) -> None:
    assert differences(before, after, changed_layers(before, after)) == said


def test_a_history_that_does_not_tell_is_left_out() -> None:
    config = {"history": [{"created_by": "one"}]}
    old = Contents(manifest={"layers": [{"digest": "sha256:a", "size": 1}]}, config={})
    new = Contents(
        manifest={"layers": [{"digest": "sha256:b", "size": 1}, {"digest": "sha256:c", "size": 1}]}, config=config
    )
    assert differences(old, new, changed_layers(old, new)) == ("layer 1 of 2: a → b", "1 layers → 2 layers")


def test_the_first_file_of_a_layer_that_differs_is_named() -> None:
    (layer,) = changed_layers(image("a1", "b1"), image("a1", "b2"))
    first = Changed(path="etc/stamp", what=(("content", "1111", "2222"), ("mode", None, "rw-r--r-- (0644)")))
    told = replace(layer, first=first)
    said = "first in it /etc/stamp: content '1111' → '2222'; mode none → 'rw-r--r-- (0644)'"
    assert str(told) == f"layer 2 of 2 ('COPY b /'): b1 → b2; {said}"
    assert told.as_json() == {
        "number": 2,
        "command": "'COPY b /'",
        "digests": ["sha256:b1", "sha256:b2"],
        "path": "etc/stamp",
        "what": [
            {"name": "content", "before": "1111", "after": "2222"},
            {"name": "mode", "before": None, "after": "rw-r--r-- (0644)"},
        ],
    }
