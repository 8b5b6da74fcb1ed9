from __future__ import annotations

import pytest

from pipelines.licences import listed, named, objections


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("MIT", "MIT"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("LicenseRef-public-domain", "LicenseRef-public-domain"),
        ("NOASSERTION", "NOASSERTION"),
    ],
)
def test_what_a_list_may_name(text: str, meant: str) -> None:
    assert listed(text) == meant


@pytest.mark.parametrize(
    "text", ["AGPL-3.0-onli", "no-such-licence", "MIT OR ISC", "MIT AND ISC", "(MIT", "*", "GPL-*", "MIT/X11"]
)
def test_what_a_list_may_not_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected one SPDX licence|is not on SPDX's list"):
        listed(text)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("MIT", []),
        ("NOASSERTION", []),
        ("", []),
        ("GPL-3.0-only", ["GPL-3.0-only"]),
        ("GPL-3.0", ["GPL-3.0-only"]),
        ("GPL-3.0-or-later", []),
        ("MIT AND GPL-3.0-only AND SSPL-1.0", ["GPL-3.0-only", "SSPL-1.0"]),
        ("MIT OR GPL-3.0-only", []),
        ("GPL-3.0-only OR SSPL-1.0", ["GPL-3.0-only", "SSPL-1.0"]),
        ("MIT AND (GPL-3.0-only OR ISC)", []),
        ("ISC OR (MIT AND GPL-3.0-only)", []),
        ("GPL-3.0-only WITH GCC-exception-3.1", ["GPL-3.0-only WITH GCC-exception-3.1"]),
        ("MIT AND LicenseRef-x", []),
    ],
)
def test_what_is_denied(expression: str, named: list[str]) -> None:
    assert list(objections(expression, allow=(), deny=("GPL-3.0-only", "SSPL-1.0"))) == named


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("MIT", []),
        ("ISC", ["ISC"]),
        ("MIT OR ISC", []),
        ("MIT AND ISC", ["ISC"]),
        ("NOASSERTION", ["NOASSERTION"]),
        ("", ["NOASSERTION"]),
        ("LicenseRef-x", ["LicenseRef-x"]),
        ("Apache-2.0 WITH LLVM-exception", []),
    ],
)
def test_only_what_is_allowed(expression: str, named: list[str]) -> None:
    assert list(objections(expression, allow=("MIT", "Apache-2.0"), deny=())) == named


def test_an_exception_of_a_licence_may_be_listed_by_itself() -> None:
    exempt = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert objections(exempt, allow=(exempt,), deny=("GPL-2.0-only",)) == ()
    assert objections(exempt, allow=(), deny=(exempt,)) == (exempt,)
    assert objections("GPL-2.0-only", allow=(exempt,), deny=()) == ("GPL-2.0-only",)


@pytest.mark.parametrize("expression", ["MIT AND", "(MIT", "MIT/X11", "MIT ISC"])
def test_what_cannot_be_read_does_not_pass(expression: str) -> None:
    assert objections(expression, allow=(), deny=("GPL-3.0-only",)) == (expression,)
    assert named(expression) == (expression,)


def test_the_licences_in_an_expression() -> None:
    assert named("MIT AND (GPL-3.0 OR GPL-2.0-only WITH Classpath-exception-2.0) AND MIT") == (
        "MIT",
        "GPL-3.0-only",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    )
