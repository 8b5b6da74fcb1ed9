"""Bad input through the real command: what, where and what to do, all of it at once, before an engine is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.command import CONFIG, Bare, Done
from tests.scratch import DOCKERFILE

REMEDY = "remedy: mend each line above and run again; docs/configuration.md describes every key and variable"


def refused(done: Done) -> list[str]:
    """The lines of an error that is one of the configuration; nothing else was said."""
    assert done.code == 3, done.err
    assert done.out == ""
    lines = done.err.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[-1].startswith("  remedy: ")
    assert "Traceback" not in done.err
    return lines


def problems(bare: Bare, *arguments: str) -> list[str]:
    """What a release is refused for, one problem each; nothing was written, and no engine was asked."""
    before = sorted(bare.root.rglob("*"))
    lines = refused(bare.sealift("build-all", *arguments))
    assert sorted(bare.root.rglob("*")) == before
    assert list(bare.home.iterdir()) == []
    *found, remedy = lines[1:]
    assert lines[0] == f"error: {len(found)} problem{'s' if len(found) != 1 else ''} in the configuration"
    assert remedy.strip() == REMEDY
    return [line.strip() for line in found]


def accepted(bare: Bare) -> None:
    """The mended repository gets as far as the engine, which is not there."""
    done = bare.sealift("build-all")
    assert done.code == 7, done.err
    assert "no Dagger engine answers at tcp://127.0.0.1:1" in done.err


# --- The file ---------------------------------------------------------------------------------------------------------

WEB = "web: {}"
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


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda _path: None,
        "sealift.yaml: there is no such file; run at the repository's root, or name it with",
    ),
    "a-folder": (Path.mkdir, "sealift.yaml: is not a file"),
    "a-pipe": (os.mkfifo, "sealift.yaml: is not a file"),
    # Root may read every file; this one it may not.
    "unreadable": (lambda path: path.symlink_to("/proc/1/mem"), "sealift.yaml: cannot be read: "),
    "a-link-to-itself": (lambda path: path.symlink_to(path.name), "sealift.yaml: cannot be read: Too many levels of"),
}


@pytest.mark.parametrize(("put", "expected"), PLACES.values(), ids=PLACES)
def test_something_else_in_place_of_the_file(bare: Bare, put: Callable[[Path], object], expected: str) -> None:
    file = bare.root / "sealift.yaml"
    file.unlink()
    put(file)
    (found,) = problems(bare)
    assert found.startswith(expected)


# --- Dockerfiles and contexts -----------------------------------------------------------------------------------------


def moved(bare: Bare, target: str | None) -> None:
    """The Dockerfile is not there, or is a link."""
    file = bare.root / "services/web/Dockerfile"
    file.unlink()
    if target:
        file.symlink_to(target)


KEY = "services.web.dockerfile"
DEFAULT = "(the default for this service's Dockerfile)"
DOCKERFILES: dict[str, tuple[Callable[[Bare], object], list[str]]] = {
    "missing": (
        lambda bare: moved(bare, None),
        [f"sealift.yaml:5:3 {KEY}: there is no file 'services/web/Dockerfile' {DEFAULT}"],
    ),
    "outside-the-context": (
        lambda bare: (bare.configure(WEB, "web: {dockerfile: Dockerfile}"), bare.write("Dockerfile", DOCKERFILE)),
        [f"sealift.yaml:5:21 {KEY}: 'Dockerfile' is not inside the service's context, 'services/web'"],
    ),
    "reached-by-dots": (
        lambda bare: bare.configure(WEB, "web: {context: .., dockerfile: services/web/../../../etc/passwd}"),
        [
            "sealift.yaml:5:18 services.web.context: '..' leads out of the repository",
            f"sealift.yaml:5:34 {KEY}: '../etc/passwd' leads out of the repository",
        ],
    ),
    "absolute": (
        lambda bare: bare.configure(WEB, "web: {dockerfile: /etc/passwd}"),
        [f"sealift.yaml:5:21 {KEY}: '/etc/passwd' must be a path from the repository's root"],
    ),
    "a-link-out-of-the-repository": (
        lambda bare: moved(bare, "/etc/passwd"),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' is a link that leads out of the repository {DEFAULT}"],
    ),
    "a-link-out-of-the-context": (
        lambda bare: moved(bare, "../../sealift.yaml"),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' is a link that leads out of the service's context"],
    ),
    "a-link-to-itself": (
        lambda bare: moved(bare, "Dockerfile"),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' "],
    ),
    "a-folder": (
        lambda bare: (moved(bare, None), (bare.root / "services/web/Dockerfile").mkdir()),
        [f"sealift.yaml:5:3 {KEY}: 'services/web/Dockerfile' is not a file {DEFAULT}"],
    ),
    "not-utf-8": (
        lambda bare: bare.write("services/web/Dockerfile", b"FROM scratch\n# caf\xe9\n"),
        ["services/web/Dockerfile:2: is not UTF-8 text; save it as UTF-8"],
    ),
    "empty": (
        lambda bare: bare.write("services/web/Dockerfile", ""),
        ["services/web/Dockerfile: has no FROM line: there is nothing to build"],
    ),
    "without-the-target": (
        lambda bare: (
            bare.configure(WEB, "web: {target: runtme}"),
            bare.write("services/web/Dockerfile", "FROM a AS build\nFROM b AS runtime\n"),
        ),
        [
            "sealift.yaml:5:17 services.web.target: services/web/Dockerfile has no stage 'runtme';"
            " did you mean 'runtime'? stages: build, runtime"
        ],
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), DOCKERFILES.values(), ids=DOCKERFILES)
def test_a_dockerfile(bare: Bare, spoil: Callable[[Bare], object], expected: list[str]) -> None:
    spoil(bare)
    found = problems(bare)
    assert len(found) == len(expected)
    for line, begin in zip(found, expected, strict=True):
        assert line.startswith(begin)


@pytest.mark.parametrize("content", ["crlf", "link-inside-the-context"])
def test_a_dockerfile_that_is_unusual_and_right(bare: Bare, content: str) -> None:
    if content == "crlf":
        bare.write("services/web/Dockerfile", DOCKERFILE.replace("\n", "\r\n"))
    else:
        bare.write("services/web/Containerfile", DOCKERFILE)
        moved(bare, "Containerfile")
    accepted(bare)


def gigabyte(path: Path) -> None:
    """A file of 1 GB that takes no room on the disk."""
    path.touch()
    os.truncate(path, 1_000_000_000)


@pytest.mark.parametrize("mended_by", ["dockerignore", "gitignore", "context_budget"])
def test_a_context_of_1_gb_is_refused_before_it_is_sent(bare: Bare, mended_by: str) -> None:
    gigabyte(bare.root / "services/web/dump.tar")
    (found,) = problems(bare)
    assert found == (
        "sealift.yaml:5:3 services.web.context: 'services/web' is 1.0 GB in 3 files, over its budget of 500.0 MB;"
        " the largest: dump.tar (1.0 GB), server.py (0.0 MB), Dockerfile (0.0 MB);"
        " list in services/web/.dockerignore what the image does not need, or raise context_budget"
    )
    if mended_by == "dockerignore":
        bare.write("services/web/.dockerignore", "*.tar\n")
    elif mended_by == "gitignore":
        bare.write(".gitignore", "dump.tar\n")
    else:
        bare.configure(WEB, "web: {context_budget: 2GB}")
    accepted(bare)


# --- Flags, variables and .env ----------------------------------------------------------------------------------------

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


# --- The repository and the home --------------------------------------------------------------------------------------


def test_no_repository(bare: Bare) -> None:
    (bare.root / ".git").rename(bare.root.parent / "elsewhere")
    assert refused(bare.sealift("build-all")) == [
        "error: git: repository is not the root of a git repository",
        "  remedy: run Sealift at the root of a git repository with at least one commit",
    ]


def test_a_repository_without_a_commit(bare: Bare) -> None:
    (bare.root / ".git/refs/heads/main").unlink()
    assert refused(bare.sealift("build-all")) == [
        "error: git: the repository has no commit",
        "  remedy: commit something first",
    ]
    bare.commit()
    accepted(bare)


@pytest.mark.parametrize("name", ["SEALIFT_STATE_DIR", "SEALIFT_CACHE_DIR", "SEALIFT_KEYS_DIR"])
@pytest.mark.parametrize("place", ["/proc/sealift", "/dev/null/sealift"])
def test_doctor_finds_a_folder_that_cannot_be_written(bare: Bare, name: str, place: str) -> None:
    bare.env[name] = place
    done = bare.sealift("doctor")
    assert done.code == 1
    assert f"✗ cannot be written: {place}" in " ".join(done.out.split())
    assert f"or set {name}" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("HOME", "/proc/nobody", "SEALIFT_STATE_DIR: /proc/nobody/.local/state/sealift: No such file or directory"),
        ("XDG_STATE_HOME", "/proc", "SEALIFT_STATE_DIR: /proc/sealift: No such file or directory"),
        ("XDG_STATE_HOME", "/dev/null", "SEALIFT_STATE_DIR: /dev/null/sealift: Not a directory"),
        ("SEALIFT_STATE_DIR", "/dev/null", "SEALIFT_STATE_DIR: /dev/null: Not a directory"),
    ],
)
@pytest.mark.parametrize("command", ["build-all", "up", "down"])
def test_a_home_that_cannot_be_written(bare: Bare, command: str, name: str, value: str, what: str) -> None:
    bare.env[name] = value
    lines = refused(bare.sealift(command))
    assert lines[0] == "error: folders: nothing can be written into"
    assert f"  {what}" in lines
    if name == "HOME":
        assert [line.split(":")[0].strip() for line in lines[1:-1]] == [
            "SEALIFT_STATE_DIR", "SEALIFT_CACHE_DIR", "SEALIFT_KEYS_DIR"
        ]  # fmt: skip
    bare.env |= {name: str(bare.root.parent / "new")}
    accepted(bare)


def test_a_home_that_is_below_a_file(bare: Bare) -> None:
    """Here git's own settings cannot be looked for either."""
    bare.env["HOME"] = str(bare.root / "sealift.yaml")
    lines = refused(bare.sealift("build-all"))
    assert lines[0].startswith("error: git: git's status cannot be told: ")
    assert lines[0].endswith("sealift.yaml/.gitconfig: Not a directory")
