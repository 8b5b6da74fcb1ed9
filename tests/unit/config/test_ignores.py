"""The file of ignores: what it may say, and that what it may not say is told with its line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipelines.config import InvalidConfig, load
from pipelines.config.ignores import read_ignores
from pipelines.ignores import Ignore

TODAY = date(2025, 1, 20)
GOOD = """\
version: 1
ignores:
  - id: CVE-2023-32681
    package: requests
    services: [api]
    reason: no request goes through a proxy
    owner: backend
    expires: 2025-02-28
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[Ignore, ...]]:
    """The ignores in a text, of a repository with the services api and web."""

    def of(text: str, today: date = TODAY) -> tuple[Ignore, ...]:
        (tmp_path / "ignores.yaml").write_text(text, encoding="utf-8")
        return read_ignores(tmp_path, "ignores.yaml", ["api", "web"], today=today)

    return of


@pytest.fixture
def problems_in(read: Callable[..., tuple[Ignore, ...]]) -> Callable[..., list[str]]:
    """Its problems, as users see them."""

    def of(text: str, today: date = TODAY) -> list[str]:
        with pytest.raises(InvalidConfig) as caught:
            read(text, today)
        return [str(problem) for problem in caught.value.problems]

    return of


def test_an_entry(read: Callable[..., tuple[Ignore, ...]]) -> None:
    assert read(GOOD) == (
        Ignore(
            id="CVE-2023-32681",
            package="requests",
            services=("api",),
            reason="no request goes through a proxy",
            owner="backend",
            expires=date(2025, 2, 28),
            origin="ignores.yaml:3",
        ),
    )


def test_an_entry_without_services_is_about_all_of_them(read: Callable[..., tuple[Ignore, ...]]) -> None:
    (ignore,) = read(GOOD.replace("    services: [api]\n", ""))
    assert ignore.services == ("api", "web")


def test_an_empty_list_ignores_nothing(read: Callable[..., tuple[Ignore, ...]]) -> None:
    assert read("version: 1\nignores: []\n") == ()


@pytest.mark.parametrize(
    "name",
    ["CVE-2023-32681", "GHSA-j8r2-6x86-q33q", "RUSTSEC-2021-0001", "DLA-3456-1", "RHSA-2021:0001", "ALAS2-2021-1"],
)
def test_ids_of_advisories_and_licences(read: Callable[..., tuple[Ignore, ...]], name: str) -> None:
    assert read(GOOD.replace("CVE-2023-32681", name))[0].id == name


@pytest.mark.parametrize(
    "name", ["libssl3", "golang.org/x/net", "@babel/traverse", "org.apache.logging.log4j:log4j-core", "stdlib", "g++"]
)
def test_names_of_packages(read: Callable[..., tuple[Ignore, ...]], name: str) -> None:
    assert read(GOOD.replace("package: requests", f'package: "{name}"'))[0].package == name


_ID = "3:9 ignores[0].id: expected one advisory or licence, as in CVE-2024-1234, found"
_PACKAGE = "4:14 ignores[0].package: expected the name of one package, found"
_DAY = "8:14 ignores[0].expires: expected a day, as in 2025-01-31, found"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("CVE-2023-32681", "CVE-*", f"{_ID} 'CVE-*'"),
        ("CVE-2023-32681", "'*'", f"{_ID} '*'"),
        ("CVE-2023-32681", "CVE-2023-1 CVE-2023-2", f"{_ID} 'CVE-2023-1 CVE-2023-2'"),
        ("requests", "'*'", f"{_PACKAGE} '*'"),
        ("requests", "lib?", f"{_PACKAGE} 'lib?'"),
        ("requests", "''", "4:14 ignores[0].package: must not be empty"),
        (
            "    package: requests\n",
            "",
            "3:5 ignores[0].package: required key is missing: The package, as the gate names it",
        ),
        ("    owner: backend\n", "", "3:5 ignores[0].owner: required key is missing: Who answers for it"),
        (
            "owner",
            "ownr",
            "7:5 ignores[0].ownr: unknown key; did you mean 'owner'?"
            " allowed: expires, id, owner, package, reason, services",
        ),
        ("[api]", "[apu]", "5:16 ignores[0].services[0]: no such service; did you mean 'api'? services: api, web"),
        ("[api]", "[]", "5:15 ignores[0].services: must not be empty"),
        ("2025-02-28", "2025-02-30", f"{_DAY} the text '2025-02-30'"),
        ("2025-02-28", "never", f"{_DAY} the text 'never'"),
        ("2025-02-28", "20250228", f"{_DAY} something else"),
        (
            "2025-02-28",
            "2025-01-19",
            "8:14 ignores[0].expires: expired on 2025-01-19: mend what it excuses, or look again and give it a new day",
        ),
        (
            "2025-02-28",
            "2025-04-21",
            "8:14 ignores[0].expires: is too far away: at most 90 days, 2025-04-20 if it is written today",
        ),
        ("version: 1", "version: 2", "1:10 version: expected 1, found the number 2"),
        ("version: 1", "version: true", "1:10 version: expected the number 1"),
        (GOOD, "ignores: []", "1:1 version: required key is missing: Version of this format"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    problems_in: Callable[..., list[str]], old: str, new: str, problem: str
) -> None:
    assert problems_in(GOOD.replace(old, new)) == [f"ignores.yaml:{problem}"]


def test_the_last_day_and_the_furthest_one_hold(read: Callable[..., tuple[Ignore, ...]]) -> None:
    assert read(GOOD, date(2025, 2, 28))
    assert read(GOOD.replace("2025-02-28", "2025-04-20"))


def test_an_entry_that_is_there_twice_is_told_at_the_second(problems_in: Callable[..., list[str]]) -> None:
    second = GOOD.partition("ignores:\n")[2].replace("    services: [api]\n", "")
    assert problems_in(GOOD + second) == [
        "ignores.yaml:9:5 ignores[1]: CVE-2023-32681 in requests is ignored on line 3 already; keep one of them"
    ]


def test_the_same_advisory_of_another_service_is_another_entry(read: Callable[..., tuple[Ignore, ...]]) -> None:
    second = GOOD.partition("ignores:\n")[2].replace("[api]", "[web]")
    assert len(read(GOOD + second)) == 2


def test_what_is_wrong_with_one_entry_hides_nothing_about_another(problems_in: Callable[..., list[str]]) -> None:
    second = GOOD.partition("ignores:\n")[2].replace("2025-02-28", "2025-01-01").replace("[api]", "[nope]")
    found = [problem.split()[1] for problem in problems_in(GOOD.replace("requests", "'*'") + second)]
    assert found == ["ignores[0].package:", "ignores[1].services[0]:", "ignores[1].expires:"]


def test_all_problems_at_once(problems_in: Callable[..., list[str]]) -> None:
    text = GOOD.replace("CVE-2023-32681", "'*'").replace("backend", "''").replace("2025-02-28", "soon")
    assert [problem.split()[1] for problem in problems_in(text)] == [
        "ignores[0].id:", "ignores[0].owner:", "ignores[0].expires:",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ignores: [", "ignores.yaml:1:11: "),
        ("", "ignores.yaml:1:1: expected a mapping"),
        ("- a\n", "ignores.yaml:1:1: expected a mapping"),
    ],
)
def test_what_is_no_file_of_ignores(problems_in: Callable[..., list[str]], text: str, problem: str) -> None:
    (found,) = problems_in(text)
    assert found.startswith(problem)


SHOP = """\
version: 1
project: shop
source: https://example.com/shop
policy: {ignores: FILE}
services:
  a: {context: src}
environments:
  local: {registry: 'localhost:5000', policy: {ignores: OWN}}
"""


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("nope.yaml", "there is no file 'nope.yaml'"),
        ("src", "'src' is not a file"),
        ("../ignores.yaml", "'../ignores.yaml' leads out of the repository"),
        ("/etc/passwd", "'/etc/passwd' must be a path from the repository's root, with '/' between folders"),
    ],
)
def test_where_the_file_must_be(repository: Callable[..., Path], file: str, problem: str) -> None:
    root = repository(SHOP.replace("FILE", file).replace("OWN", file), "src/Dockerfile")
    with pytest.raises(InvalidConfig) as caught:
        load(root, environ={})
    assert [str(found) for found in caught.value.problems] == [
        f"sealift.yaml:4:19 policy.ignores: {problem}",
        f"sealift.yaml:8:57 environments.local.policy.ignores: {problem}",
    ]
