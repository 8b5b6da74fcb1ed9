"""What the schema refuses, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.config import parse
from pipelines.config.problems import nearest, render
from pipelines.config.schema import Config
from pipelines.config.types import PATTERNS

Problems = Callable[[str], list[str]]
Services = Callable[[str], str]
SERVICE_KEYS = (
    "args, boot, context, context_budget, description, dockerfile, licence, needs, platforms, secrets, size_budget,"
    " target"
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{contxt: x}", f"7:7 services.a.contxt: unknown key; did you mean 'context'? allowed: {SERVICE_KEYS}"),
        ("{zzz: x}", f"7:7 services.a.zzz: unknown key; allowed: {SERVICE_KEYS}"),
        (
            "{boot: {prot: 80}}",
            "7:14 services.a.boot.prot: unknown key; did you mean 'port'? allowed: env, path, port, timeout",
        ),
        ("{context: 5}", "7:16 services.a.context: expected text, found the number 5; put it in quotes: '5'"),
        ("{context: ''}", "7:16 services.a.context: must not be empty"),
        (
            "{args: {PY: 3.10}}",
            "7:18 services.a.args.PY: expected text, found the number 3.10; put it in quotes: '3.10'",
        ),
        (
            "{args: {T: 12:30}}",
            "7:17 services.a.args.T: expected text, found the number 12:30; put it in quotes: '12:30'",
        ),
        (
            "{args: {B: no}}",
            "7:17 services.a.args.B: expected text, found no, which YAML reads as false; put it in quotes: 'no'",
        ),
        ("{args: {B: null}}", "7:17 services.a.args.B: expected text, found nothing (null)"),
        ("{args: [a]}", "7:13 services.a.args: expected a mapping, 'name: value' on each line, found a list"),
        (
            "{args: {1A: x}}",
            "7:14 services.a.args.1A: the key must be the name of a build argument: letters, digits and '_',"
            " no digit first",
        ),
        ("{boot: 8080}", "7:13 services.a.boot: expected a mapping, 'key: value' on each line, found the number 8080"),
        ("{boot: {port: 0}}", "7:20 services.a.boot.port: expected 1 or more, found the number 0"),
        ("{boot: {port: 70000}}", "7:20 services.a.boot.port: expected 65535 or less, found the number 70000"),
        (
            "{boot: {port: yes}}",
            "7:20 services.a.boot.port: expected a whole number, found yes, which YAML reads as true",
        ),
        ("{boot: {port: '80'}}", "7:20 services.a.boot.port: expected a whole number, found the text '80'"),
        (
            "{boot: {path: health}}",
            "7:20 services.a.boot.path: expected a path that starts with '/' and has no spaces,"
            " found the text 'health'",
        ),
        (
            "{size_budget: 12XB}",
            "7:20 services.a.size_budget: expected a size such as 120MB or 64MiB, found the text '12XB'",
        ),
        (
            "{size_budget: lots}",
            "7:20 services.a.size_budget: expected a size such as 120MB or 64MiB, found the text 'lots'",
        ),
        ("{platforms: []}", "7:18 services.a.platforms: must not be empty"),
        (
            "{platforms: linux/amd64}",
            "7:18 services.a.platforms: expected a list, found the text 'linux/amd64'; write [linux/amd64]",
        ),
        (
            "{platforms: [windows/amd64]}",
            "7:19 services.a.platforms[0]: 'windows/amd64' is not a platform; expected for example"
            " 'linux/amd64' or 'linux/arm64'; did you mean 'linux/amd64'?",
        ),
        (
            "{platforms: [aarch64]}",
            "7:19 services.a.platforms[0]: 'aarch64' is not a platform; expected for example"
            " 'linux/amd64' or 'linux/arm64'; did you mean 'linux/arm64'?",
        ),
        (
            "{platforms: [linux/foo]}",
            "7:19 services.a.platforms[0]: 'linux/foo' is not a platform; expected for example"
            " 'linux/amd64' or 'linux/arm64'",
        ),
        ('{target: "a\\nb"}', "7:15 services.a.target: expected text on one line, found the text 'a\\nb'"),
        ("{secrets: {token: 12345}}", "7:24 services.a.secrets.token: expected text, found something else"),
        ("null", "7:6 services.a: expected a mapping, 'key: value' on each line, found nothing (null)"),
    ],
)
def test_service(services: Services, problems_of: Problems, line: str, message: str) -> None:
    assert problems_of(services(f"  a: {line}\n")) == [f"sealift.yaml:{message}"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("licens: MIT", "7:1 licens: unknown key; did you mean 'licence'? allowed: "),
        (
            "tags: [sha, smever]",
            "7:13 tags[1]: expected 'semver', 'branch', 'pr', 'sha', 'branch-sha', 'dev', 'date', 'datetime',"
            " 'latest-on-main' or 'latest-on-release', found the text 'smever'; did you mean 'semver'?",
        ),
        (
            "policy: {severity: high}",
            "7:20 policy.severity: expected 'LOW', 'MEDIUM', 'HIGH' or 'CRITICAL', found the text 'high';"
            " did you mean 'HIGH'?",
        ),
        ("policy: {allow_root: 'yes'}", "7:22 policy.allow_root: expected true or false, found the text 'yes'"),
        (
            "signing: {method: keylss}",
            "7:19 signing.method: expected 'key', 'kms' or 'keyless', found the text 'keylss'; did you mean 'keyless'?",
        ),
    ],
)
def test_top_level(head: str, problems_of: Problems, line: str, message: str) -> None:
    (problem,) = problems_of(head + "services: {a: {}}\n" + line + "\n")
    assert problem.startswith(f"sealift.yaml:{message}")


@pytest.mark.parametrize("version", ["2", "'1'", "true", "1.0", "null"])
def test_the_format_is_version_1(head: str, problems_of: Problems, version: str) -> None:
    (problem,) = problems_of(head.replace("version: 1", f"version: {version}") + "services: {a: {}}\n")
    assert problem.startswith("sealift.yaml:1:10 version: expected ")


def test_missing_keys_are_shown_where_they_belong(problems_of: Problems) -> None:
    text = "version: 1\nproject: p\nservices: {a: {}}\nenvironments:\n  local: {}\n"
    assert problems_of(text) == [
        "sealift.yaml:1:1 source: required key is missing: URL of the repository, for the label"
        " org.opencontainers.image.source",
        "sealift.yaml:5:3 environments.local.registry: required key is missing: host or host:port, without scheme"
        " and path",
    ]


def test_a_misspelled_required_key_is_one_problem(head: str, problems_of: Problems) -> None:
    (problem,) = problems_of(head.replace("registry:", "regsitry:") + "services: {a: {}}\n")
    assert problem.startswith(
        "sealift.yaml:5:11 environments.local.regsitry: unknown key; did you mean 'registry'? allowed: also, "
    )


def test_names(services: Services, problems_of: Problems) -> None:
    found = problems_of(services("  My App: {}\n  a..b: {}\n  " + "x" * 64 + ": {}\n"))
    words = PATTERNS[r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$"]
    assert found[0] == f"sealift.yaml:7:3 services['My App']: the key must be {words}"
    assert found[1] == f"sealift.yaml:8:3 services['a..b']: the key must be {words}"
    assert found[2] == f"sealift.yaml:9:3 services.{'x' * 64}: the key must be at most 63 characters"


def test_no_service_at_all(head: str, problems_of: Problems) -> None:
    assert problems_of(head + "services: {}\n") == ["sealift.yaml:6:11 services: must not be empty"]


def test_a_long_value_is_shortened_and_stays_on_one_line(services: Services, problems_of: Problems) -> None:
    (problem,) = problems_of(services('  a: {size_budget: "' + "x" * 500 + '\\n"}\n'))
    assert len(problem) < 200
    assert "\n" not in problem


def test_everything_is_valid_at_once(services: Services) -> None:
    config = parse(
        services(
            """\
  a:
    context: src/a
    dockerfile: src/a/prod.Dockerfile
    target: final
    args: {PYTHON: '3.11'}
    secrets: {token: 'env://TOKEN'}
    platforms: [linux/amd64, linux/arm/v7]
    boot: null
    size_budget: 64MiB
    licence: MIT
    description: One
"""
        )
    )
    service = config.services["a"]
    assert (service.boot, service.size_budget) == (None, 64 * 1024 * 1024)
    assert config.platforms == ["linux/amd64", "linux/arm64"]


def test_every_pattern_of_the_schema_has_words() -> None:
    text = str(Config.model_json_schema())
    assert all(pattern in text or repr(pattern)[1:-1] in text for pattern in PATTERNS)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("services", "aidb", "platforms", 0), "services.aidb.platforms[0]"),
        (("services", "a.b", "context"), "services['a.b'].context"),
        (("environments", "prod-eu", "tags", 12), "environments.prod-eu.tags[12]"),
    ],
)
def test_key_paths(path: tuple[str | int, ...], text: str) -> None:
    assert render(path) == text


def test_nearest_ignores_case() -> None:
    assert nearest("CONTEXT", ["target", "context"]) == "context"
    assert nearest("qqq", ["target", "context"]) is None
