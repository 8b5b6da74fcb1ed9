"""Lists of licences: a misspelled one would forbid nothing, so it is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.config import parse

ProblemsOf = Callable[[str], list[str]]
Services = Callable[[str], str]


def with_policy(services: Services, policy: str) -> str:
    """A configuration with one service; the policy stands on line 8."""
    return services("  a: {}\n") + f"policy: {policy}\n"


def test_licences_are_kept_as_spdx_names_them_today(services: Services) -> None:
    licences = parse(with_policy(services, "{licences: {deny: [GPL-3.0, LicenseRef-own]}}")).policy.licences
    assert (licences.allow, licences.deny) == ([], ["GPL-3.0-only", "LicenseRef-own"])


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (
            "{licences: {deny: [AGPL-3.0-onli]}}",
            "8:28 policy.licences.deny[0]: 'AGPL-3.0-onli' is not on SPDX's list of licences (https://spdx.org/licenses)",
        ),
        (
            "{licences: {deny: [MIT OR ISC]}}",
            "8:28 policy.licences.deny[0]: expected one SPDX licence, as in GPL-3.0-only, found 'MIT OR ISC'",
        ),
        ("{licences: {allow: [ISC, MIT], deny: [MIT]}}", "8:34 policy.licences.allow[1]: MIT is denied, too"),
        ("{licences: [MIT]}", "8:20 policy.licences: expected a mapping, 'key: value' on each line, found a list"),
        (
            "{licenses: {deny: [MIT]}}",
            "8:10 policy.licenses: unknown key; did you mean 'licences'? allowed: allow_root, ignores, licences,"
            " max_layers, max_scan_age_days, only_fixed, severity, size_budget, vex",
        ),
    ],
)
def test_what_is_wrong(services: Services, problems_of: ProblemsOf, policy: str, problem: str) -> None:
    assert problems_of(with_policy(services, policy)) == [f"sealift.yaml:{problem}"]
