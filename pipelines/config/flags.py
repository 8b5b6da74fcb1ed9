"""Variables and flags by themselves, where the file that they belong to cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipelines.config.problems import InvalidConfig, Problem
from pipelines.config.resolve import resolve
from pipelines.config.schema import Config
from pipelines.config.settings import Flags

# Any configuration will do: what is wrong whatever it says is looked for.
_ANY = {
    "version": 1,
    "project": "x",
    "source": "x",
    "services": {"x": {}},
    "environments": {"local": {"registry": "x"}},
}
_BY_NAME = ("SEALIFT_ENV", "SEALIFT_SERVICES", "SEALIFT_PLATFORMS")


def check_flags(environ: Mapping[str, str], flags: Flags) -> tuple[Problem, ...]:
    """What is wrong with variables and flags whatever the file says; not what names something that it declares."""
    others = {name: value for name, value in environ.items() if name not in _BY_NAME}
    try:
        resolve(Config.model_validate(_ANY), environ=others, flags=replace(flags, env=None, services=(), platforms=()))
    except InvalidConfig as error:
        return error.problems
    return ()
