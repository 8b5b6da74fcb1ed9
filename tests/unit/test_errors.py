from __future__ import annotations

import inspect

import pytest

from pipelines import errors
from pipelines.config import InvalidConfig
from pipelines.errors import BuildError, ConfigError, ExitCode, RegistryError, SealiftError, SeveralErrors, ToolError

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SealiftError) and kind not in (SealiftError, SeveralErrors)
]


def test_every_kind_of_error_has_an_exit_code_of_its_own() -> None:
    codes = {kind.__name__: kind.exit_code for kind in KINDS}
    assert len(set(codes.values())) == len(codes) == 8
    assert not {ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE, ExitCode.INTERRUPTED} & set(codes.values())


def test_exit_codes_do_not_change_between_releases() -> None:
    documented = {
        "ConfigError": 3, "GateFailed": 4, "RegistryError": 5, "ToolError": 6, "EngineError": 7, "BuildError": 8,
        "BootError": 9, "SigningError": 10,
    }  # fmt: skip
    assert {kind.__name__: int(kind.exit_code) for kind in KINDS} == documented


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_text_says_where_what_and_what_to_do(kind: type[SealiftError]) -> None:
    error = kind("it broke", remedy="mend it", service="aidb", platform="linux/arm64", step="scan")
    assert str(error) == "aidb linux/arm64 scan: it broke\n  remedy: mend it"


@pytest.mark.parametrize(
    ("known", "prefix"),
    [
        ({}, ""),
        ({"step": "scan"}, "scan: "),
        ({"service": "aidb", "step": "sbom"}, "aidb sbom: "),
    ],
)
def test_what_is_not_known_of_the_place_is_left_out(known: dict[str, str], prefix: str) -> None:
    assert str(ToolError("it broke", remedy="mend it", **known)) == f"{prefix}it broke\n  remedy: mend it"


def test_a_refused_configuration_ends_with_the_code_of_configuration_errors() -> None:
    assert InvalidConfig([], remedy="mend it").exit_code == ConfigError.exit_code == 3


def test_several_errors_show_every_one_with_its_remedy() -> None:
    error = SeveralErrors(
        [BuildError("no such file", remedy="add it", service="aidb"), RegistryError("lost", remedy="run it again")]
    )
    assert str(error) == (
        "2 failures\n- aidb: no such file\n  remedy: add it\n- lost\n  remedy: run it again"
    )  # fmt: skip
    assert error.remedy


def test_several_errors_end_with_the_code_of_the_first() -> None:
    build, registry = BuildError("b", remedy="r"), RegistryError("r", remedy="r")
    assert SeveralErrors([build, registry]).exit_code == ExitCode.BUILD
    assert SeveralErrors([registry, build]).exit_code == ExitCode.REGISTRY
    assert SeveralErrors.exit_code == ExitCode.FAILED, "one error's code must not become the class's"


def test_several_errors_within_several_errors_are_told_one_by_one() -> None:
    build, tool, registry = BuildError("b", remedy="r"), ToolError("t", remedy="r"), RegistryError("r", remedy="r")
    error = SeveralErrors([SeveralErrors([build, tool]), registry])
    assert error.errors == (build, tool, registry)
    assert str(error).startswith("3 failures\n- b\n")
    assert error.exit_code == ExitCode.BUILD
