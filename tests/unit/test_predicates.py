from __future__ import annotations

import re

from pipelines.predicates import (
    ALWAYS,
    ANNOTATION,
    ANNOUNCED,
    CSAF,
    OF_THE_RUN,
    OPENVEX,
    PREDICATES,
    SBOMS,
    announced,
    attested,
    unknown,
)

SAID = {ANNOTATION: ANNOUNCED}


def test_what_is_attested_to_an_image() -> None:
    assert attested(scanned=True) == ALWAYS == ("spdxjson", "cyclonedx", "vuln", "slsaprovenance1")
    assert attested(scanned=False) == ("spdxjson", "cyclonedx", "slsaprovenance1")
    assert attested(scanned=True, vex=[OPENVEX, OPENVEX]) == (*ALWAYS[:3], "openvex", ALWAYS[3])
    assert set(attested(scanned=True, vex=[CSAF])) - set(ALWAYS) == {CSAF.kind}


def test_provenance_is_of_the_index_and_all_else_of_a_platform() -> None:
    assert [kind for kind, item in PREDICATES.items() if item.on_index] == ["slsaprovenance1"]
    assert not any(PREDICATES[kind].on_index for kind in OF_THE_RUN)


def test_what_has_to_be_attested_without_a_record() -> None:
    assert announced({}, rehearsal=False) == SBOMS
    assert set(announced(SAID, rehearsal=False)) == set(ALWAYS)
    # An image of the local environment need not have been scanned.
    assert announced(SAID, rehearsal=True) == attested(scanned=False)


def test_a_kind_of_a_later_version_is_not_passed_over() -> None:
    later = announced({ANNOTATION: f"{ANNOUNCED},sbom/v9"}, rehearsal=True)
    assert unknown(later) == "attestations that this version does not know are demanded: sbom/v9"
    assert unknown(ALWAYS) is None


def test_a_kind_is_a_name_that_cosign_has_or_its_type() -> None:
    """sigstore/cosign, cmd/cosign/cli/options/predicate.go, `PredicateTypeMap`."""
    names = {"spdxjson", "cyclonedx", "vuln", "openvex", "slsaprovenance1"}
    for kind, item in PREDICATES.items():
        assert kind in names or kind == item.uri
        assert re.match(r"https://", item.uri)
