"""SBOMs for Trivy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.boms import readable


def sources(purl: str, version: str = "1.0-1") -> dict[str, str]:
    component: dict[str, Any] = {
        "name": "x",
        "version": version,
        "purl": purl,
        "properties": [{"name": "a", "value": "b"}],
    }
    document = {"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [component]}
    (found,) = json.loads(readable(document).text)["components"]
    properties = {item["name"]: item["value"] for item in found["properties"]}
    assert properties.pop("a") == "b"
    return {name.removeprefix("aquasecurity:trivy:"): value for name, value in properties.items()}


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:deb/debian/libssl3@3.0.22-1?arch=amd64&distro=debian-12&upstream=openssl", ("openssl", "1.0-1")),
        ("pkg:deb/debian/libgcc-s1@12?upstream=gcc-12%4012.2.0-14%2Bdeb12u1", ("gcc-12", "12.2.0-14+deb12u1")),
        ("pkg:apk/alpine/libcrypto3@3.1?upstream=openssl", ("openssl", "1.0-1")),
        ("pkg:rpm/centos/bash-doc@5?upstream=bash-5.1.8-6.el9.src.rpm", ("bash", "5.1.8-6.el9")),
    ],
)
def test_source_packages_are_said_as_trivy_reads_them(purl: str, expected: tuple[str, str]) -> None:
    found = sources(purl)
    assert (found["SrcName"], found["SrcVersion"]) == expected


def test_what_has_no_other_source_stays_as_it_is() -> None:
    assert sources("pkg:pypi/starlette@0.49.0") == {}


def test_the_version_is_one_that_trivy_reads_and_packages_are_counted() -> None:
    components = [
        {"name": "debian", "type": "operating-system", "version": "12"},
        {"name": "bash", "version": "5", "purl": "pkg:deb/debian/bash@5"},
    ]
    found = readable({"bomFormat": "CycloneDX", "specVersion": "1.7", "components": components})
    assert json.loads(found.text)["specVersion"] == "1.6"
    assert [(package.name, package.kind) for package in found.packages] == [("bash", "deb")]


@pytest.mark.parametrize(
    "document", [{}, {"bomFormat": "SPDX"}, {"bomFormat": "CycloneDX", "components": [{"purl": "pkg:deb/x"}]}]
)
def test_what_is_no_sbom(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        readable(document)
