"""What concerns several keys at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[[str], list[str]]
Services = Callable[[str], str]


def test_an_unknown_need(services: Services, problems_of: Problems) -> None:
    assert problems_of(services("  aidb: {}\n  web: {needs: {aidbb: X}}\n  api: {needs: {zzz: X}}\n")) == [
        "sealift.yaml:8:24 services.web.needs.aidbb: no such service; did you mean 'aidb'? services: aidb, web, api",
        "sealift.yaml:9:22 services.api.needs.zzz: no such service; services: aidb, web, api",
    ]


def test_every_cycle_is_shown_once(services: Services, problems_of: Problems) -> None:
    text = services(
        """\
  a: {needs: {b: B}}
  b: {needs: {c: C}}
  c: {needs: {a: A}}
  d: {needs: {d: D}}
  e: {needs: {f: F, a: A}}
  f: {needs: {e: E}}
"""
    )
    assert problems_of(text) == [
        "sealift.yaml:9:18 services.c.needs.a: services need each other: a → b → c → a",
        "sealift.yaml:10:18 services.d.needs.d: services need each other: d → d",
        "sealift.yaml:12:18 services.f.needs.e: services need each other: e → f → e",
    ]


def test_very_many_cycles_end(services: Services, problems_of: Problems) -> None:
    count = 30
    lines = (
        f"  s{i}: {{needs: {{{', '.join(f's{j}: A{j}' for j in range(count) if j != i)}}}}}\n" for i in range(count)
    )
    assert len(problems_of(services("".join(lines)))) == 20


def test_a_needed_service_covers_the_platforms(services: Services, problems_of: Problems) -> None:
    text = services("  base: {platforms: [linux/amd64]}\n  web: {needs: {base: BASE}}\n")
    assert problems_of(text) == [
        "sealift.yaml:8:23 services.web.needs.base: base is not built for linux/arm64, which web is built for"
    ]


def test_a_build_argument_is_given_once(services: Services, problems_of: Problems) -> None:
    text = services("  a: {}\n  b: {}\n  c: {args: {A: x}, needs: {a: A, b: B}}\n  d: {needs: {a: I, b: I}}\n")
    assert problems_of(text) == [
        "sealift.yaml:9:32 services.c.needs.a: the build argument A is already given by args",
        "sealift.yaml:10:24 services.d.needs.b: the build argument I is already given by needs.a",
    ]


def test_nothing_is_listed_twice(services: Services, problems_of: Problems) -> None:
    text = services("  a: {platforms: [linux/amd64, linux/arm64, linux/amd64]}\n")
    assert problems_of(text + "platforms: [linux/arm64, linux/arm64]\ntags: [sha, dev, sha]\n") == [
        "sealift.yaml:7:45 services.a.platforms[2]: 'linux/amd64' is listed twice",
        "sealift.yaml:8:26 platforms[1]: 'linux/arm64' is listed twice",
        "sealift.yaml:9:18 tags[2]: 'sha' is listed twice",
    ]


def test_a_build_secret_is_an_address_and_never_repeated(services: Services, problems_of: Problems) -> None:
    text = services("  a: {secrets: {one: hunter2, two: 'evn://TOKEN', three: 'env://TOKEN', four: 'file://~/x'}}\n")
    found = problems_of(text)
    assert [line.split(": ")[0] for line in found] == [
        "sealift.yaml:7:22 services.a.secrets.one",
        "sealift.yaml:7:36 services.a.secrets.two",
    ]
    assert "expected where the secret is found, not the secret: one of env://, file://, cmd://, op://" in found[0]
    assert found[1].endswith("; did you mean 'env://'?")
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("{registry: ''}", "8:20 environments.prod.registry: '' is not a registry; expected 'host' or 'host:port'"),
        ("{registry: 'https://x'}", "8:20 environments.prod.registry: 'https://x' has a scheme; write host or"),
        ("{registry: ghcr.io/shop}", "8:20 environments.prod.registry: 'ghcr.io/shop' has a path; write host or"),
        ("{registry: 'x:99999'}", "8:20 environments.prod.registry: 'x:99999' has no port from 1 to 65535"),
        (
            "{registry: ghcr.io, prefix: Shop/}",
            "8:37 environments.prod.prefix: the prefix 'Shop/' makes an illegal repository: 'Shop/a' is not",
        ),
        ("{registry: ghcr.io, prefix: /shop/}", "8:37 environments.prod.prefix: the prefix '/shop/' makes an illegal"),
        (
            f"{{registry: ghcr.io, prefix: {'x' * 250}}}",
            "8:37 environments.prod.prefix: the prefix makes a repository of more than 255 characters",
        ),
        (
            "{registry: ghcr.io, database: {allow_sample: true}}",
            "8:54 environments.prod.database.allow_sample: may only be set in environments.local",
        ),
        ("{registry: ghcr.io, tags: [sha, sha]}", "8:41 environments.prod.tags[1]: 'sha' is listed twice"),
        (
            "{registry: ghcr.io, tags: [latest-on-main, latest-on-release]}",
            "8:35 environments.prod.tags: latest-on-main and latest-on-release both move 'latest'; choose one of them",
        ),
        (
            "{registry: ghcr.io, also: [{registry: quay.io}, {registry: 'quay.io:0'}]}",
            "8:68 environments.prod.also[1].registry: 'quay.io:0' has no port from 1 to 65535",
        ),
        (
            "{registry: ghcr.io, also: [{registry: quay.io, prefix: /x}]}",
            "8:64 environments.prod.also[0].prefix: the prefix '/x' makes an illegal repository",
        ),
        (
            "{registry: ghcr.io, also: [{registry: quay.io}, {registry: ghcr.io, prefix: ''}]}",
            "8:57 environments.prod.also[1]: the release goes there already; name another registry or prefix",
        ),
        (
            "{registry: ghcr.io, when_tags_fail: undo}",
            "8:45 environments.prod.when_tags_fail: expected 'move-back' or 'stop', found the text 'undo'",
        ),
    ],
)
def test_environment(head: str, problems_of: Problems, environment: str, message: str) -> None:
    text = head.replace("  local:", "  # two\n  # comments\n  local:")
    (problem,) = problems_of(f"{text}  prod: {environment}\nservices: {{a: {{}}}}\n")
    assert problem.startswith(f"sealift.yaml:{message}")


def test_the_top_level_prefix_is_blamed_once(services: Services, problems_of: Problems) -> None:
    (problem,) = problems_of(services("  a: {}\n  b: {}\nprefix: Shop/\n"))
    assert problem.startswith("sealift.yaml:9:9 prefix: the prefix 'Shop/' makes an illegal repository")


def test_a_prefix_that_no_environment_uses_is_checked_too(head: str, problems_of: Problems) -> None:
    text = head.replace("{registry: 'localhost:5000'}", "{registry: 'localhost:5000', prefix: ''}")
    (problem,) = problems_of(text + "prefix: Shop/\nservices: {a: {}}\n")
    assert problem.startswith("sealift.yaml:6:9 prefix: the prefix 'Shop/'")


def test_the_default_environment_exists(head: str, problems_of: Problems) -> None:
    text = head.replace("  local:", "  prod:") + "services: {a: {}}\n"
    assert problems_of(text) == [
        "sealift.yaml:1:1 default_environment: no such environment: 'local'; environments: prod"
    ]
    assert problems_of(text + "default_environment: prodd\n") == [
        "sealift.yaml:7:22 default_environment: no such environment: 'prodd'; did you mean 'prod'? environments: prod"
    ]


def test_a_sample_database_is_never_for_all(services: Services, problems_of: Problems) -> None:
    assert problems_of(services("  a: {}\ndatabase: {allow_sample: true}\n")) == [
        "sealift.yaml:8:26 database.allow_sample: may only be set in environments.local"
    ]
