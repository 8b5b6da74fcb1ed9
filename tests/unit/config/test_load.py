"""A whole repository: the file, the files that it names, `.env`, and everything at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from pipelines.config import InvalidConfig, ServicePaths, load, parse, resolve
from pipelines.errors import ConfigError, ExitCode

ROOT = Path(__file__).parents[3]
Make = Callable[..., Path]
Problems = Callable[[Path], list[str]]
Services = Callable[[str], str]


def test_a_repository_that_is_not_this_one(services: Services, repository: Make) -> None:
    text = services("  api: {needs: {base: BASE}}\n  base: {context: images, dockerfile: images/base.Dockerfile}\n")
    root = repository(text, "services/api/Dockerfile", "images/base.Dockerfile")
    loaded = load(root, environ={"A": "1"})
    assert list(loaded.config.services) == ["api", "base"]
    assert loaded.paths["api"] == ServicePaths(
        context=PurePosixPath("services/api"), dockerfile=PurePosixPath("services/api/Dockerfile")
    )
    assert loaded.paths["base"].dockerfile == PurePosixPath("images/base.Dockerfile")
    assert loaded.environ == {"A": "1"}
    assert loaded.where("services", "base", "dockerfile") == "sealift.yaml:8:39"
    assert loaded.where("services", "base", "target") == "sealift.yaml:8:3"


def test_the_file_may_have_another_name(services: Services, repository: Make) -> None:
    root = repository("", "services/a/Dockerfile", "ci/")
    (root / "ci/release.yaml").write_text(services("  a: {}\n"))
    assert load(root, file="ci/release.yaml", environ={}).config.project == "shop"
    (root / "ci/release.yaml").write_text(services("  a: {x: 1}\n"))
    with pytest.raises(InvalidConfig, match=r"ci/release\.yaml:7:7 services\.a\.x: unknown key"):
        load(root, file="ci/release.yaml", environ={})


def test_this_repository() -> None:
    config = parse((ROOT / "sealift.yaml").read_text(encoding="utf-8"))
    assert set(config.environments) >= {"local", "staging", "prod", "backup"}
    settings = resolve(config, environ={})
    assert settings.registry == "localhost:5000"
    assert set(settings.services) == set(config.services)
    assert load(ROOT, environ={}).config == config


def test_a_hundred_services(services: Services, repository: Make) -> None:
    text = services(
        "".join(f"  s{i}: {{context: all, needs: {{{f's{i - 1}: B' if i else ''}}}}}\n" for i in range(100))
    )
    root = repository(text, "all/Dockerfile")
    began = time.monotonic()
    loaded = load(root, environ={})
    assert resolve(loaded.config, environ={}).services == tuple(f"s{i}" for i in range(100))
    assert time.monotonic() - began < 5


def test_everything_at_once(services: Services, repository: Make, problems_in: Problems) -> None:
    text = services(
        """\
  aidb:
    contxt: services/aidb
  aidb: {}
  web: {needs: {aidbb: IMAGE}}
  api: {context: nowhere, boot: {port: none}}
default_environment: locl
"""
    )
    root = repository(text)
    (root / ".env").write_text("SEALIFT_JOBS=2\nnot a pair\n")
    found = problems_in(root)
    assert found == [
        ".env:2: expected NAME=value or a comment",
        "sealift.yaml:8:5 services.aidb.contxt: unknown key; did you mean 'context'? allowed: args, boot, context,"
        " context_budget, description, dockerfile, licence, needs, platforms, secrets, size_budget, target",
        "sealift.yaml:9:3 services.aidb: declared twice: on line 7 and on line 9",
        "sealift.yaml:10:3 services.web.context: there is no folder 'services/web' (the default for this service's"
        " context)",
        "sealift.yaml:10:24 services.web.needs.aidbb: no such service; did you mean 'aidb'? services: aidb, web, api",
        "sealift.yaml:11:40 services.api.boot.port: expected a whole number, found the text 'none'",
        "sealift.yaml:12:22 default_environment: no such environment: 'locl'; did you mean 'local'?"
        " environments: local",
    ]


def test_the_error_is_whole_in_its_text(services: Services, repository: Make) -> None:
    root = repository(services("  a: {x: 1, y: 2}\n"))
    with pytest.raises(ConfigError) as caught:
        load(root, environ={})
    assert caught.value.exit_code == ExitCode.CONFIG
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 problems in the configuration"
    assert lines[1].startswith("  sealift.yaml:7:7 services.a.x: unknown key")
    assert lines[-1] == (
        "  remedy: mend each line above and run again; docs/configuration.md describes every key and variable"
    )


def test_a_refused_required_value_hides_nothing_else(
    services: Services, repository: Make, problems_in: Problems
) -> None:
    root = repository(services("  a: null\n  b: {needs: {a: A}}\n").replace("version: 1", "version: 2"))
    assert [line.split(": ")[0] for line in problems_in(root)] == [
        "sealift.yaml:1:10 version",
        "sealift.yaml:7:6 services.a",
        "sealift.yaml:8:3 services.b.context",
    ]


def test_no_file(tmp_path: Path, problems_in: Problems) -> None:
    said = "there is no such file; run at the repository's root, or name it with --root; the README has an example"
    assert problems_in(tmp_path) == [f"sealift.yaml: {said}"]


def test_a_folder_instead(tmp_path: Path, problems_in: Problems) -> None:
    (tmp_path / "sealift.yaml").mkdir()
    assert problems_in(tmp_path) == ["sealift.yaml: is not a file"]


def test_not_utf_8(tmp_path: Path, problems_in: Problems) -> None:
    (tmp_path / "sealift.yaml").write_bytes(b"version: 1\nproject: caf\xe9\n")
    assert problems_in(tmp_path) == ["sealift.yaml:2: is not UTF-8 text; save it as UTF-8"]


def test_too_large(tmp_path: Path, problems_in: Problems) -> None:
    (tmp_path / "sealift.yaml").write_text("#" * 1_000_001)
    assert problems_in(tmp_path) == ["sealift.yaml: is larger than 1 MB"]


def test_a_byte_order_mark_and_windows_line_ends(services: Services, repository: Make) -> None:
    root = repository("", "services/a/Dockerfile")
    (root / "sealift.yaml").write_bytes(b"\xef\xbb\xbf" + services("  a: {}\n").replace("\n", "\r\n").encode())
    assert list(load(root, environ={}).config.services) == ["a"]


def test_dotenv_is_under_the_environment(services: Services, repository: Make) -> None:
    root = repository(services("  a: {}\n"), "services/a/Dockerfile")
    (root / ".env").write_text("SEALIFT_JOBS=2\nVERSION=v1.0.0\n")
    assert load(root, environ={"VERSION": "v2.0.0"}).environ == {"SEALIFT_JOBS": "2", "VERSION": "v2.0.0"}
