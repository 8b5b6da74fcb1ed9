"""What is attested to an image, and to which of its manifests. Pure.

The index says itself what is attested to it and its platforms, in an annotation that is signed with it: whoever takes
an attestation away cannot take that away too. Images from before have no such annotation, and SBOMs only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

ANNOTATION: Final = "dev.sealift.attested"
"""Annotation of the index: the kinds that are attested to it and its platforms whatever happens, with commas."""


@dataclass(frozen=True, kw_only=True)
class Predicate:
    """A kind of attestation.

    :param kind: what `cosign verify-attestation --type` calls it, and the record.
    :param uri: the predicate type.
    :param on_index: it is attested to the index; else, to each platform's manifest.
    """

    kind: str
    uri: str
    on_index: bool = False


SPDX: Final = Predicate(kind="spdxjson", uri="https://spdx.dev/Document")
CYCLONEDX: Final = Predicate(kind="cyclonedx", uri="https://cyclonedx.org/bom")
SCAN: Final = Predicate(kind="vuln", uri="https://cosign.sigstore.dev/attestation/vuln/v1")
OPENVEX: Final = Predicate(kind="openvex", uri="https://openvex.dev/ns")
CSAF: Final = Predicate(
    kind="https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json",
    uri="https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json",
)
"""Cosign has no name for it, and nobody has registered a predicate type: it is the id of CSAF's JSON schema."""
PROVENANCE: Final = Predicate(kind="slsaprovenance1", uri="https://slsa.dev/provenance/v1", on_index=True)

PREDICATES: Final = {item.kind: item for item in (SPDX, CYCLONEDX, SCAN, OPENVEX, CSAF, PROVENANCE)}
"""Kind → what it is, in the order in which they are attested."""

OF_THE_RUN: Final = (SCAN.kind, OPENVEX.kind, CSAF.kind)
"""Kinds that tell what was found on one day, and not what the image is."""

SBOMS: Final = (SPDX.kind, CYCLONEDX.kind)
"""What is attested to images of Sealift's first versions."""

ALWAYS: Final = (*SBOMS, SCAN.kind, PROVENANCE.kind)
"""What is attested to every image that was scanned."""


def attested(*, scanned: bool, vex: Iterable[Predicate] = ()) -> tuple[str, ...]:
    """The kinds that have to be attested to an image.

    :param scanned: false in a rehearsal that scans nothing.
    :param vex: of the documents that say what does not affect it.
    """
    kinds = {kind for kind in ALWAYS if scanned or kind != SCAN.kind} | {item.kind for item in vex}
    return tuple(kind for kind in PREDICATES if kind in kinds)


ANNOUNCED: Final = ",".join(attested(scanned=False))
"""What an index says: what is the same for every image, or the same inputs would not give the same digest."""


def announced(annotations: Mapping[str, str], *, rehearsal: bool) -> tuple[str, ...]:
    """The kinds that have to be attested to an image of which there is no record, by its index's annotations.

    A kind that this version does not know is among them, by its name.

    :param rehearsal: of an environment from which nothing leaves the machine: its images need not have been scanned.
    """
    said = annotations.get(ANNOTATION)
    if said is None:
        return SBOMS
    kinds = tuple(said.split(","))
    return kinds if rehearsal else (*kinds, SCAN.kind)


def unknown(kinds: Iterable[str]) -> str | None:
    """What is wrong with kinds that this version does not know: it cannot tell whether they are there."""
    strange = sorted(set(kinds) - PREDICATES.keys())
    return f"attestations that this version does not know are demanded: {', '.join(strange)}" if strange else None
