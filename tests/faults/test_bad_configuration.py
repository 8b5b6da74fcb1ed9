"""A `sealift.yaml` that is wrong, through the real command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.faults.bad_input import REMEDY, accepted, problems, refused
from tests.faults.command import CONFIG, WEB, Bare

FILES = {
    "missing-key": (
        ("source: https://example.com/scratch\n", ""),
        ["sealift.yaml:1:1 source: required key is missing: URL of the repository, for the label org.opencontainers"],
    ),
    "misspelt-key": (
        (WEB, "web: {contxt: x}"),
        ["sealift.yaml:5:9 services.web.contxt: unknown key; did you mean 'co"],
    ),
    "several-errors": (
        (WEB, "web: {contxt: x, boot: {port: 80800}}\n  api: {needs: {wbe: WEB}, context: services/web}"),
        [
            "sealift.yaml:5:9 services.web.contxt: unknown key; did you mean 'context'?",
            "sealift.yaml:5:33 services.web.boot.port: expected 65535 or less, found the number 80800",
            "sealift.yaml:6:22 services.api.needs.wbe: no such service; did you mean 'web'? services: web, api",
        ],
    ),
    "duplicate-service": (
        (WEB, "web: {}\n  web: {boot: null}"),
        ["sealift.yaml:6:3 services.web: declared twice: on line 5 and on line 6"],
    ),
    "duplicate-key": (
        ("project: scratch", "project: scratch\nproject: again"),
        ["sealift.yaml:3:1 project: declared twice: on line 2 and on line 3"],
    ),
    "unknown-platform": (
        (WEB, "web: {platforms: [linux/amd64, linux/amd46, x86_64, windows, linux/foo]}"),
        [
            "sealift.yaml:5:34 services.web.platforms[1]: 'linux/amd46' is not a platform; expected for example"
            " 'linux/amd64' or 'linux/arm64'; did you mean 'linux/amd64'?",
            "sealift.yaml:5:47 services.web.platforms[2]: 'x86_64' is not a platform",
            "sealift.yaml:5:55 services.web.platforms[3]: 'windows' is not a platform",
            "sealift.yaml:5:64 services.web.platforms[4]: 'linux/foo' is not a platform",
        ],
    ),
    "dependency-cycle": (
        (WEB, "web: {needs: {api: A}}\n  api: {context: services/web, needs: {web: W}}"),
        ["sealift.yaml:6:45 services.api.needs.web: services need each other: web → api → web"],
    ),
    "a-service-that-needs-itself": (
        (WEB, "web: {needs: {web: W}}"),
        ["sealift.yaml:5:22 services.web.needs.web: services need each other: web → web"],
    ),
    "illegal-service-names": (
        (WEB, f'"web;id": {{}}\n  "a\\nb": {{}}\n  {"x" * 129}: {{}}\n  web: {{}}'),
        [
            "sealift.yaml:5:3 services['web;id']: the key must be lower-case letters and digits",
            "sealift.yaml:6:3 services['a\\nb']: the key must be lower-case letters and digits",
            f"sealift.yaml:7:3 services.{'x' * 129}: the key must be at most 63 characters",
        ],
    ),
    "illegal-tag-prefix": (
        ("tags: [dev]", 'tags: [dev], tag_prefix: "$(id)"'),
        ["sealift.yaml:7:62 environments.local.tag_prefix: expected at most 32 letters"],
    ),
    "tag-prefix-with-a-newline": (
        ("tags: [dev]", 'tags: [dev], tag_prefix: "a\\n"'),
        ["sealift.yaml:7:62 environments.local.tag_prefix: expected at most 32 letters"],
    ),
    "tag-prefix-of-129-characters": (
        ("tags: [dev]", f"tags: [dev], tag_prefix: {'a' * 129}"),
        ["sealift.yaml:7:62 environments.local.tag_prefix: expected at most 32 letters"],
    ),
    "illegal-prefix": (
        ("tags: [dev]", "tags: [dev], prefix: a;b/"),
        ["sealift.yaml:7:58 environments.local.prefix: the prefix 'a;b/' makes an illegal repository"],
    ),
    "a-text-that-commands-a-terminal": (
        ("https://example.com/scratch", '"https://\\e[31mexample.com"'),
        ["sealift.yaml:3:9 source: the character '\\x1b' may not stand in it"],
    ),
    "a-text-on-two-lines": (
        ("https://example.com/scratch", '"https://example.com\\n/"'),
        ["sealift.yaml:3:9 source: expected text on one line, found the text 'https://example.com\\n/'"],
    ),
    "tab": (("  web: {}", "\tweb: {}"), ["sealift.yaml:5:1: not YAML: a tab where spaces must be; indent with spaces"]),
    "two-documents": (("services:", "---\nservices:"), ["sealift.yaml:4:1: not YAML: expected a single document"]),
    "a-python-object": (
        ("project: scratch", "project: !!python/object/apply:os.system [id]"),
        ["sealift.yaml:2:10 project: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not supported"],
    ),
}


@pytest.mark.parametrize(("change", "expected"), FILES.values(), ids=FILES)
def test_the_configuration(bare: Bare, change: tuple[str, str], expected: list[str]) -> None:
    bare.configure(*change)
    found = problems(bare)
    assert len(found) == len(expected)
    for line, begin in zip(found, expected, strict=True):
        assert line.startswith(begin)
    bare.configure(change[1], change[0]) if change[1] else bare.write("sealift.yaml", CONFIG)
    accepted(bare)


TEXTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "sealift.yaml:1:1: is empty; expected a mapping with version, project, source, services and envir"),
    "only-comments": ("# later\n", "sealift.yaml:1:1: is empty; expected"),
    "a-list": ("[1, 2]\n", "sealift.yaml:1:1: expected a mapping with version, project"),
    "html": (
        "<html>\n<body class='x'>: a: b\n",
        "sealift.yaml:2:17: not YAML: mapping values are not allowed here; put",
    ),
    "a-picture": (b"\x89PNG\r\n\x1a\n\x00", "sealift.yaml:1: is not UTF-8 text; save it as UTF-8"),
    "utf-16": (CONFIG.encode("utf-16"), "sealift.yaml:1: is not UTF-8 text; save it as UTF-8"),
    "latin-1": ("version: 1\nproject: caf\xe9\n".encode("latin-1"), "sealift.yaml:2: is not UTF-8 text; save it as"),
    "nul-bytes": (CONFIG.replace("scratch", "scr\0tch", 1), "sealift.yaml:2:13: not YAML: the character '\\x00' may"),
    "nested-too-deep": ("[" * 5000, "sealift.yaml:1:66: not YAML: nested too deep"),
    "two-megabytes": ("#" * 2_000_000, "sealift.yaml: is larger than 1 MB"),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_file_that_is_no_configuration(bare: Bare, text: str | bytes, expected: str) -> None:
    bare.write("sealift.yaml", text)
    (found,) = problems(bare)
    assert found.startswith(expected)
    bare.write("sealift.yaml", CONFIG)
    accepted(bare)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + CONFIG.encode(),
        CONFIG.replace("\n", "\r\n").encode(),
        CONFIG.replace(WEB, "web: &web {boot: &boot {port: 80}}\n  api: {<<: *web, context: services/web}").encode(),
    ],
    ids=["byte-order-mark", "crlf", "anchors"],
)
def test_what_is_unusual_and_right(bare: Bare, text: bytes) -> None:
    bare.write("sealift.yaml", text)
    accepted(bare)


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "merge-keys": "a0: &a0 {x: y}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_yaml_bomb_is_refused_in_little_memory(bare: Bare, bomb: str) -> None:
    """In a process of its own, whose memory is counted: no more than twice of what the command takes anyway."""

    def peak(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "ci", *arguments]
        process = subprocess.Popen(command, cwd=bare.root, env=bare.env, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == (3 if said else 0), said
        return used.ru_maxrss, said

    usual, _ = peak("plan", "--json")
    bare.write("sealift.yaml", bomb)
    used, said = peak("plan", "--json")
    assert "its aliases make more than 100,000 values of it" in said
    assert REMEDY in said
    assert used < 2 * usual


def test_thousands_of_mistakes_are_counted_and_fifty_are_printed(bare: Bare) -> None:
    bare.configure(WEB, "web: {" + ", ".join(f"k{number}: 1" for number in range(3000)) + "}")
    lines = refused(bare.sealift("plan"))
    assert lines[0] == "error: 3000 problems in the configuration"
    assert lines[51] == "  … and 2,950 more, which show when these are mended"
    assert len(lines) == 53
