"""Flags, variables and a `.env` that are wrong, through the real command."""

from __future__ import annotations

import pytest

from tests.faults.bad_input import problems
from tests.faults.command import WEB, Bare

TAG = "is not an image tag; expected 1 to 128 letters, digits, '_', '.' or '-', the first of them no '.' or '-'"
EMPTY = "is empty; leave it out, or give it a value"
NO_SERVICE = "no such service: 'wbe'; did you mean 'web'? services: web"
FLAGS = {
    "tag-with-shell-metacharacters": (["--tag", "$(id);rm"], [f"--tag: '$(id);rm' {TAG}"]),
    "tag-with-a-newline": (["--tag", "a\nb"], [f"--tag: 'a\\nb' {TAG}"]),
    "tag-with-a-comma": (["--tag", "a,b"], [f"--tag: 'a,b' {TAG}"]),
    "tag-of-129-characters": (["--tag", "x" * 129], [f"--tag: '{'x' * 60}…' (129 characters) {TAG}"]),
    "tag-that-commands-a-terminal": (["--tag", "\x1b[31m"], [f"--tag: '\\x1b[31m' {TAG}"]),
    "tag-that-is-markup": (["--tag", "[red]a[/]"], [f"--tag: '[red]a[/]' {TAG}"]),
    "tag-that-is-empty": (["--tag", ""], [f"--tag: {EMPTY}"]),
    "service-unknown": (["--service", "wbe"], [f"--service: {NO_SERVICE}"]),
    "service-with-shell-metacharacters": (["--service", "web;id"], ["--service: no such service: 'web;id'; did you m"]),
    "service-that-is-empty": (["--service", ""], [f"--service: {EMPTY}"]),
    "environment-unknown": (
        ["--env", "lcoal"],
        ["--env: no such environment: 'lcoal'; did you mean 'local'? environments: local"],
    ),
    "environment-that-is-empty": (["--env", ""], [f"--env: {EMPTY}"]),
    "platform-unknown": (
        ["--platform", "linux/amd46"],
        ["--platform: no such platform: 'linux/amd46'; did you mean 'l"],
    ),
    "registry-with-a-scheme": (["--registry", "https://x"], ["--registry: 'https://x' has a scheme; write host or"]),
    "registry-with-shell-metacharacters": (["--registry", "x;y"], ["--registry: 'x;y' is not a registry; expected"]),
    "version-that-is-none": (["--version", "$(v)"], ["--version: '$(v)' is not a semantic version; expected for"]),
    "version-of-129-characters": (["--version", f"v1.0.{'9' * 124}"], ["--version: 'v1.0.999"]),
    "jobs-zero": (["--jobs", "0"], ["--jobs: expected a whole number from 1 to 64, found '0'"]),
    "jobs-negative": (["--jobs", "-1"], ["--jobs: expected a whole number from 1 to 64, found '-1'"]),
    "jobs-absurd": (["--jobs", "1" * 30], ["--jobs: expected a whole number from 1 to 64, found '111"]),
    "several": (
        ["--tag", "a b", "--tag", "c", "--tag", "-d", "--jobs", "0", "--service", "wbe"],
        [
            f"--tag: 'a b' {TAG}",
            f"--tag: '-d' {TAG}",
            f"--service: {NO_SERVICE}",
            "--jobs: expected a whole number from 1 to 64, found '0'",
        ],
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), FLAGS.values(), ids=FLAGS)
def test_a_flag(bare: Bare, arguments: list[str], expected: list[str]) -> None:
    found = problems(bare, *arguments)
    assert sorted(line[: len(begin)] for line, begin in zip(sorted(found), sorted(expected), strict=True)) == sorted(
        expected
    )


def test_what_is_no_number_at_all_is_wrong_usage(bare: Bare) -> None:
    done = bare.sealift("build-all", "--jobs", "x")
    assert done.code == 2
    assert "Invalid value for '--jobs': 'x' is not a valid integer" in done.err


def test_the_same_platform_twice_is_once(bare: Bare) -> None:
    done = bare.sealift("plan", "--json", "--platform", "linux/amd64", "--platform", "linux/amd64")
    assert done.code == 0
    assert done.out.count('"linux/amd64"') == done.out.count('"linux/amd64": "python') + 1


VARIABLES = {
    "services-with-shell-metacharacters": (
        {"SEALIFT_SERVICES": "web;id"},
        "SEALIFT_SERVICES: no such service: 'web;id'",
    ),
    "services-with-a-newline": ({"SEALIFT_SERVICES": "web\nwbe"}, f"SEALIFT_SERVICES: {NO_SERVICE}"),
    "services-that-are-none": ({"SEALIFT_SERVICES": " , "}, f"SEALIFT_SERVICES: {EMPTY}"),
    "version-with-a-newline": ({"VERSION": "v1.0.0\nv2.0.0"}, "VERSION: 'v1.0.0\\nv2.0.0' is not a semantic version"),
    "version-of-129-characters": (
        {"VERSION": f"v1.0.{'9' * 124}"},
        f"VERSION: 'v1.0.{'9' * 55}…' (129 characters) {TAG}",
    ),
    "commit": ({"GIT_SHA": "`id`"}, "GIT_SHA: '`id`' is not a git commit; expected 7 to 40 hexadecimal digits"),
    "registry": (
        {"DOCKER_REGISTRY": "a b"},
        "DOCKER_REGISTRY: 'a b' is not a registry; expected 'host' or 'host:port'",
    ),
    "environment": ({"SEALIFT_ENV": "$(id)"}, "SEALIFT_ENV: no such environment: '$(id)'; environments: local"),
    "jobs": ({"SEALIFT_JOBS": "1e3"}, "SEALIFT_JOBS: expected a whole number from 1 to 64, found '1e3'"),
}


@pytest.mark.parametrize(("variables", "expected"), VARIABLES.values(), ids=VARIABLES)
@pytest.mark.parametrize("place", ["environment", "dotenv"])
def test_a_variable(bare: Bare, variables: dict[str, str], expected: str, place: str) -> None:
    if place == "environment":
        bare.env |= variables
    else:
        bare.write(".env", "".join(f"{name}='{value}'\n" for name, value in variables.items()))
    (found,) = problems(bare)
    assert found.startswith(expected)


def lines_of_env(count: int) -> str:
    return "".join(f"# {number}\nVARIABLE_{number}='a $value of {number}'\n" for number in range(count // 2))


def test_a_dotenv_of_300_lines_is_read(bare: Bare) -> None:
    bare.write(".env", lines_of_env(300) + "SEALIFT_JOBS=3\n")
    done = bare.sealift("plan", "--json")
    assert done.code == 0
    assert '"jobs": 3' in done.out


def test_a_malformed_dotenv_is_told_with_its_lines_and_with_everything_else(bare: Bare) -> None:
    bare.write(".env", lines_of_env(300) + 'this is hunter2\nSEALIFT_JOBS\nX="hunter2\n')
    bare.configure(WEB, "web: {contxt: x}")
    found = problems(bare, "--jobs", "0")
    assert [line.split(": ")[0] for line in found] == [
        ".env:301", ".env:302 SEALIFT_JOBS", ".env:303", "sealift.yaml:5:9 services.web.contxt", "--jobs"
    ]  # fmt: skip
    assert "hunter2" not in "".join(found), "such a line may hold a secret"
