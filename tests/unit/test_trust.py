"""Whose signatures count: exact identities, and what the placeholders in them stand for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipelines.model import Digest, Platform, Sealed
from pipelines.trust import GITHUB_ISSUER, Identity, Party, Trust

DIGEST = Digest("sha256:" + "0" * 64)
AT = "https://github.com/example/shop/.github/workflows/release.yml@refs/"
OTHER = "https://gitlab.example.com"


def sealed(service: str, version: str | None) -> Sealed:
    return Sealed(service=service, index=DIGEST, platforms={Platform("linux/amd64"): DIGEST}, version=version)


def trust(*subjects: str, issuer: str = GITHUB_ISSUER) -> Trust:
    return Trust(identities=tuple(Identity(issuer=issuer, subject=subject) for subject in subjects))


@pytest.mark.parametrize(
    ("subject", "version", "expected"),
    [
        (f"{AT}heads/main", "1a2b3c4", f"{AT}heads/main"),
        (f"{AT}tags/{{version}}", "v1.2.3", f"{AT}tags/v1.2.3"),
        (f"{AT}tags/{{service}}/{{version}}", "v1.2.3-rc.1", f"{AT}tags/api/v1.2.3-rc.1"),
        (f"{AT}tags/{{version}}", "1a2b3c4", None),
        (f"{AT}tags/{{version}}", None, None),
        (f"{AT}tags/{{version}}", "v1.2.3|.*", None),
        (f"{AT}tags/{{version}}", "{service}", None),
    ],
)
def test_placeholders_stand_for_what_the_image_says(subject: str, version: str | None, expected: str | None) -> None:
    party = Party(issuer=GITHUB_ISSUER, subjects=(expected,)) if expected else None
    assert Identity(issuer=GITHUB_ISSUER, subject=subject).of("api", version) == party


def test_images_of_several_versions_have_several_signers_each_exact() -> None:
    lot = [sealed("api", "v1.0.0"), sealed("web", "v1.0.1"), sealed("job", "v1.0.1")]
    (party,) = trust(f"{AT}tags/{{version}}").parties(lot)
    assert party.subjects == (f"{AT}tags/v1.0.0", f"{AT}tags/v1.0.1")
    assert re.search(party.expression, f"{AT}tags/v1.0.0")
    for stranger in (f"{AT}tags/v1.0.00", f"x{AT}tags/v1.0.0", f"{AT}tags/v1x0.0", f"{AT}tags/v1.0.2"):
        assert not re.search(party.expression, stranger)


def test_each_issuer_vouches_for_its_own() -> None:
    both = Trust(identities=(*trust("a").identities, *trust("b", issuer=OTHER).identities))
    assert both.parties([sealed("api", None)]) == (
        Party(issuer=GITHUB_ISSUER, subjects=("a",)),
        Party(issuer=OTHER, subjects=("b",)),
    )


def test_identities_whose_job_has_to_be_of_a_repository_are_asked_for_by_themselves() -> None:
    called = Identity(issuer=GITHUB_ISSUER, subject="c@{version}", repository="example/shop")
    tagged = replace(called, subject="d", ref="refs/tags/{service}/{version}")
    pattern = Identity(issuer=GITHUB_ISSUER, subject="c.*", pattern=True, repository="example/other")
    both = Trust(identities=(*trust("c@{version}").identities, called, tagged, pattern))
    assert both.parties([sealed("api", "v1.0.0")]) == (
        Party(issuer=GITHUB_ISSUER, subjects=("c@v1.0.0",)),
        Party(issuer=GITHUB_ISSUER, subjects=("c@v1.0.0",), repository="example/shop"),
        Party(issuer=GITHUB_ISSUER, subjects=("d",), repository="example/shop", ref="refs/tags/api/v1.0.0"),
        Party(issuer=GITHUB_ISSUER, pattern="^(?:c.*)$", repository="example/other"),
    )
    assert tagged.of("api", "1a2b3c4") is None


def test_a_pattern_matches_as_a_whole_and_has_no_placeholders() -> None:
    pattern = Trust(identities=(Identity(issuer=GITHUB_ISSUER, subject=r"https://a/.*|b{2}", pattern=True),))
    (party,) = pattern.parties([])
    assert re.search(party.expression, "https://a/1")
    assert re.search(party.expression, "bb")
    assert not re.search(party.expression, "bbb")


def test_nobody_may_sign_what_is_of_no_version_if_only_versions_are_signed() -> None:
    assert trust(f"{AT}tags/{{version}}").parties([sealed("api", "1a2b3c4")]) == ()
