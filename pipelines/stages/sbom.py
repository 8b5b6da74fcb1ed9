"""Describe an image with Syft: SPDX and CycloneDX, of the exact digest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import dagger

from pipelines import boms, tools
from pipelines.errors import ToolError
from pipelines.licences import UNKNOWN
from pipelines.model import Digest, Package, Unit
from pipelines.stages.failures import engine_error, last_words, message
from pipelines.stages.toolbox import Toolbox, quarantined

SPDX = "sbom.spdx.json"
CYCLONEDX = "sbom.cdx.json"


@dataclass(frozen=True, kw_only=True)
class Sbom:
    """`files` holds `sbom.spdx.json` and `sbom.cdx.json`; `packages` is what is in the image."""

    files: dagger.Directory
    packages: tuple[Package, ...]


async def sbom(toolbox: Toolbox, unit: Unit, digest: Digest) -> Sbom:
    """Both documents, from one reading of the image.

    :raises ToolError: Syft failed, or its document is not what its format says.
    """
    where = {"service": unit.service, "platform": unit.platform, "step": "sbom"}
    out = (
        toolbox.tool(tools.SYFT)
        .with_env_variable("SYFT_REGISTRY_INSECURE_USE_HTTP", "true")
        .with_env_variable("SYFT_CHECK_FOR_APP_UPDATE", "false")
        # Packages, and no list of every file: that would be nine tenths of each document, and of each attestation.
        .with_env_variable("SYFT_FILE_METADATA_SELECTION", "none")
        .with_env_variable("SYFT_RELATIONSHIPS_PACKAGE_FILE_OWNERSHIP", "false")
        .with_directory("/out", toolbox.client.directory())
        .with_exec(
            [
                "scan",
                f"registry:{quarantined(unit.service, digest)}",
                "--quiet",
                "--select-catalogers=-file",
                f"--source-name={unit.service}",
                f"--source-version={digest}",
                f"--output=spdx-json=/out/{SPDX}",
                f"--output=cyclonedx-json@{boms.VERSION}=/out/{CYCLONEDX}",
            ],
            use_entrypoint=True,
        )
        .directory("/out")
    )
    try:
        spdx, cyclonedx = await out.file(SPDX).contents(), await out.file(CYCLONEDX).contents()
    except dagger.ExecError as failure:
        raise ToolError(f"Syft: {last_words(failure)}", remedy="run the command again", **where) from failure
    except dagger.QueryError as failure:
        if "no such file" not in message(failure):
            raise engine_error(failure, **where) from failure
        raise ToolError(f"Syft wrote no document: {message(failure)}", remedy=_REMEDY, **where) from failure
    check_size(max(len(spdx.encode()), len(cyclonedx.encode())), where)
    packages = read_packages(spdx, where)
    check_cyclonedx(cyclonedx, len(packages), where)
    return Sbom(files=out, packages=packages)


_REMEDY = "run the command again; an image that is not described does not leave"


LARGEST = 90_000_000
"""Bytes of a document. Cosign reads attachments of at most 128 MiB, and in there it is written in base64."""


def check_size(size: int, where: dict[str, str]) -> None:
    """:raises ToolError: nobody could verify that the document is attested."""
    if size > LARGEST:
        raise ToolError(
            f"the SBOM has {size / 1e6:.0f} MB, and Cosign reads at most {LARGEST / 1e6:.0f} MB of what is attested",
            remedy="leave packages out of the image that it does not need: its SBOM lists them all",
            **where,
        )


def read_packages(document: str, where: dict[str, str]) -> tuple[Package, ...]:
    """Packages in an SPDX 2.3 document, without the image itself.

    :raises ToolError: the text is no SPDX document.
    """
    try:
        spdx = json.loads(document)
        if not str(spdx["spdxVersion"]).startswith("SPDX-2"):
            raise ValueError(f"spdxVersion {spdx['spdxVersion']!r}")
        return tuple(
            Package(
                name=str(package["name"]),
                version=str(package.get("versionInfo", "")),
                licence=str(package.get("licenseDeclared", UNKNOWN)),
                kind=_kind(package),
            )
            for package in spdx["packages"]
            if package.get("primaryPackagePurpose") != "CONTAINER"
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"Syft's answer is no SPDX document: {error!r}", remedy=_REMEDY, **where) from error


def _kind(package: dict[str, Any]) -> str:
    """What Syft calls it: it names each package `SPDXRef-Package-KIND-NAME-ID`.

    The package URL has a type too, but where the distribution is not known there is no URL.
    """
    return str(package.get("SPDXID", "")).removeprefix("SPDXRef-Package-").partition("-")[0]


def check_cyclonedx(document: str, packages: int, where: dict[str, str]) -> None:
    """The other document, which is attested too: it is whole, and it lists something if SPDX does.

    :raises ToolError: the text is no CycloneDX document, or an empty one.
    """
    try:
        bom = json.loads(document)
        if bom["bomFormat"] != "CycloneDX":
            raise ValueError(f"bomFormat {bom['bomFormat']!r}")
        if packages and not bom.get("components"):
            raise ValueError(f"no component where SPDX has {packages} packages")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"Syft's answer is no CycloneDX document: {error!r}", remedy=_REMEDY, **where) from error
