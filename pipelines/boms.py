"""CycloneDX SBOMs as Syft writes them, made so that Trivy finds in them what it finds in the image. Pure.

Advisories of distributions are about source packages. Syft names these in the package URL (`upstream=openssl` of
`libssl3`); Trivy reads them from properties of its own only (its pkg/sbom/io/decode.go, `fillSrcPkg`), and takes a
package for its own source otherwise: of 12 advisories that it found in a Debian image, it found 2 in the image's SBOM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipelines.model import Package

VERSION = "1.6"
"""The newest version of CycloneDX that Trivy 0.69 reads. Of 1.7, it needs nothing that is new; Syft writes that by
itself, and images of earlier versions of Sealift have it.
"""

_PROPERTY = "aquasecurity:trivy:"
_RPM = ".src.rpm"


@dataclass(frozen=True, kw_only=True)
class Bom:
    """An SBOM.

    :param text: JSON, for the scanner.
    :param packages: that it lists, with the kind of each by its package URL.
    """

    text: str
    packages: tuple[Package, ...]


def readable(bom: Mapping[str, Any]) -> Bom:
    """The SBOM for Trivy.

    :raises ValueError: it is no CycloneDX document.
    """
    try:
        if bom["bomFormat"] != "CycloneDX":
            raise ValueError(f"bomFormat {bom['bomFormat']!r}")
        components = [_with_source(component) for component in bom.get("components") or []]
        packages = tuple(
            Package(
                name=component["name"], version=component.get("version", ""), licence="", kind=_kind(component["purl"])
            )
            for component in components
            if component.get("purl")
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no CycloneDX document: {error!r}") from error
    return Bom(
        text=json.dumps({**bom, "specVersion": VERSION, "components": components}, ensure_ascii=False),
        packages=packages,
    )


def _kind(purl: str) -> str:
    return purl.removeprefix("pkg:").partition("/")[0]


def _with_source(component: Mapping[str, Any]) -> dict[str, Any]:
    """The component, with its source package in Trivy's properties, if its package URL names one."""
    upstream = parse_qs(urlsplit(component.get("purl") or "").query).get("upstream")
    if not upstream:
        return dict(component)
    name, _, version = upstream[0].partition("@")
    if name.endswith(_RPM):
        # NAME-VERSION-RELEASE; neither of the last two has a dash.
        name, version, release = name.removesuffix(_RPM).rsplit("-", 2)
        version = f"{version}-{release}"
    source = {"SrcName": name, "SrcVersion": version or component.get("version", "")}
    properties = [{"name": f"{_PROPERTY}{key}", "value": value} for key, value in source.items()]
    return {**component, "properties": [*(component.get("properties") or []), *properties]}
