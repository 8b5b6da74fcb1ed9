"""When a scan says nothing of an image, or not all, whatever it found: never a pass. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.model import Package, Scan

_OF_DISTRIBUTIONS = {"alpm", "apk", "deb", "rpm"}
"""Kinds of packages that distributions have, by Syft and by package URLs."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Why it is none.

    :param rule: of the gate.
    """

    rule: str
    what: str
    remedy: str


def unseen(packages: Sequence[Package], scan: Scan) -> Iterator[Unseen]:
    """What the scanner has not seen of what the SBOM lists, or the other way round."""
    if scan.packages == 0 and packages:
        yield Unseen(
            rule="scan",
            what=f"the scanner saw no package where the SBOM lists {len(packages)}",
            remedy="an image that the scanner cannot read does not leave; check its distribution in the report",
        )
    of_one = sum(package.kind in _OF_DISTRIBUTIONS for package in packages)
    if of_one and scan.packages and not scan.distributed:
        yield Unseen(
            rule="scan",
            what=f"the scanner does not know the distribution: it saw none of {of_one} packages that the SBOM lists",
            remedy="stand on a distribution that the scanner knows; what it does not know it finds nothing in",
        )
    if not packages and scan.packages > 0:
        yield Unseen(
            rule="sbom",
            what=f"the SBOM lists no package where the scanner saw {scan.packages}",
            remedy="an image that is not described does not leave; run again, and look at its SBOM",
        )
