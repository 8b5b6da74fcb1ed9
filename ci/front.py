"""What both front doors do before the graph runs: read the repository, decide the settings, make the plan."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.config import (
    Flags,
    InvalidConfig,
    LoadedConfig,
    Problem,
    Settings,
    check_allowed,
    check_flags,
    load,
    resolve,
)
from pipelines.config.problems import REMEDY
from pipelines.git import read_facts
from pipelines.model import Target
from pipelines.plan import Plan
from pipelines.planning import make_plan


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every command on the engine stands on.

    :param targets: the registries that it has to do with.
    :param about: in the run's id: the commit, or what else it is about.
    """

    project: str
    settings: Settings
    targets: tuple[Target, ...]
    about: str


@dataclass(frozen=True, kw_only=True)
class Prepared(Ground):
    """The ground of a command that builds: a plan, and the settings that it was made from.

    :param refused: the build secrets that the configuration asks for and this machine does not give.
    """

    plan: Plan
    refused: tuple[Problem, ...] = ()

    def check_secrets(self) -> None:
        """:raises InvalidConfig: a build would ask for a secret that this machine does not give."""
        if self.refused:
            raise InvalidConfig(self.refused, remedy=REMEDY)


def prepare(root: Path, environ: Mapping[str, str], flags: Flags, *, now: datetime) -> Prepared:
    """From a repository on disk to a plan. Asks no engine and no network.

    :raises ConfigError: every problem that the files, the variables and the flags have.
    """
    loaded = configured(root, environ, flags)
    settings = resolve(loaded.config, environ=environ, flags=flags)
    plan = make_plan(root, loaded, settings, read_facts(root, environ=environ), now=now)
    refused = tuple(check_allowed(loaded, (service.name for service in plan.services), environ))
    return Prepared(
        project=plan.project,
        settings=settings,
        targets=plan.targets,
        about=plan.commit[:7],
        plan=plan,
        refused=refused,
    )


def configured(root: Path, environ: Mapping[str, str], flags: Flags) -> LoadedConfig:
    """The configuration.

    :raises ConfigError: every problem that it, the variables and the flags have.
    """
    try:
        return load(root, environ=environ)
    except InvalidConfig as error:
        raise InvalidConfig([*error.problems, *check_flags(environ, flags)], remedy=error.remedy) from None


def run_id(now: datetime, about: str) -> str:
    """`20250120T143000Z-abc1234-9f2c`: sorts by time, says what it is about, and is unique."""
    return f"{now:%Y%m%dT%H%M%SZ}-{about}-{secrets.token_hex(2)}"
