from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.errors import ToolError
from pipelines.model import Package
from pipelines.stages.sbom import LARGEST, check_size, read_packages

WHERE = {"service": "aidb", "platform": "linux/amd64", "step": "sbom"}
IMAGE = {"name": "aidb", "primaryPackagePurpose": "CONTAINER"}


def packages_of(document: Any) -> tuple[Package, ...]:
    return read_packages(json.dumps(document), WHERE)


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([IMAGE], []),
        ([{"name": "a"}, {"name": "b", "primaryPackagePurpose": "LIBRARY"}, IMAGE], ["a", "b"]),
        ([], []),
    ],
)
def test_packages_are_read_without_the_image_itself(packages: list[dict[str, str]], expected: list[str]) -> None:
    found = packages_of({"spdxVersion": "SPDX-2.3", "packages": packages})
    assert [package.name for package in found] == expected


def test_a_document_that_nobody_could_verify_is_refused() -> None:
    check_size(LARGEST, WHERE)
    with pytest.raises(ToolError, match="the SBOM has 200 MB, and Cosign reads at most 90 MB of what is attested"):
        check_size(200_000_000, WHERE)


def test_what_is_read_of_a_package() -> None:
    declared = {
        "SPDXID": "SPDXRef-Package-deb-a-0123456789abcdef",
        "name": "a",
        "versionInfo": "1.2",
        "licenseDeclared": "MIT OR Apache-2.0",
    }
    assert packages_of({"spdxVersion": "SPDX-2.3", "packages": [declared, {"name": "b"}]}) == (
        Package(name="a", version="1.2", licence="MIT OR Apache-2.0", kind="deb"),
        Package(name="b", version="", licence="NOASSERTION"),
    )


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
        packages_of(document)
    assert caught.value.where == "aidb linux/amd64 sbom"


@pytest.mark.parametrize("text", ["", '{"spdxVersion": "SPDX-2.3", "packa', "SPDXVersion: SPDX-2.3\n"])
def test_half_a_document_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="no SPDX document"):
        read_packages(text, WHERE)
