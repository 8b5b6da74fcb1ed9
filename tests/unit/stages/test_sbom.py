from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.errors import ToolError
from pipelines.stages.sbom import count_packages

WHERE = {"service": "aidb", "platform": "linux/amd64", "step": "sbom"}
IMAGE = {"name": "aidb", "primaryPackagePurpose": "CONTAINER"}


def count(document: Any) -> int:
    return count_packages(json.dumps(document), WHERE)


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([IMAGE], 0),
        ([{"name": "a"}, {"name": "b", "primaryPackagePurpose": "LIBRARY"}, IMAGE], 2),
        ([], 0),
    ],
)
def test_packages_are_counted_without_the_image_itself(packages: list[dict[str, str]], expected: int) -> None:
    assert count({"spdxVersion": "SPDX-2.3", "packages": packages}) == expected


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"spdxVersion": "SPDX-2.3"},
        {"spdxVersion": "SPDX-3.0", "packages": []},
        {"spdxVersion": None, "packages": []},
        {"spdxVersion": "SPDX-2.3", "packages": None},
        {"spdxVersion": "SPDX-2.3", "packages": ["a"]},
        {"bomFormat": "CycloneDX", "components": []},
        [],
        None,
    ],
)
def test_what_is_no_spdx_document_is_refused(document: Any) -> None:
    with pytest.raises(ToolError, match="no SPDX document") as caught:
        count(document)
    assert caught.value.where == "aidb linux/amd64 sbom"


@pytest.mark.parametrize("text", ["", '{"spdxVersion": "SPDX-2.3", "packa', "SPDXVersion: SPDX-2.3\n"])
def test_half_a_document_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="no SPDX document"):
        count_packages(text, WHERE)
