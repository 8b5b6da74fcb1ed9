"""Build secrets over all services."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[[str], list[str]]
Services = Callable[[str], str]


def test_one_id_is_one_secret(services: Services, problems_of: Problems) -> None:
    text = services(
        "  a: {secrets: {npm: env://NPM, pip: env://PIP}}\n"
        "  b: {secrets: {npm: env://NPM}}\n"
        "  c: {secrets: {npm: file://npm}}\n"
    )
    assert problems_of(text) == [
        "sealift.yaml:9:22 services.c.secrets.npm: a finds the secret of this id elsewhere; two secrets need two ids"
    ]


@pytest.mark.parametrize("name", ["sealift:docker-config", "a,target=/x", "a b", ""])
def test_an_id_that_a_dockerfile_cannot_name_or_that_is_our_own(
    services: Services, problems_of: Problems, name: str
) -> None:
    (problem,) = problems_of(services(f"  a: {{secrets: {{'{name}': env://NPM}}}}\n"))
    assert problem.endswith("expected an id of letters, digits, '.', '_' and '-'")
