"""What both front doors do before the graph runs: read the repository, decide the settings, make the plan."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.config import Flags, InvalidConfig, Settings, check_flags, load, resolve
from pipelines.git import read_facts
from pipelines.plan import Plan
from pipelines.planning import make_plan


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A plan, and the settings that it was made from."""

    settings: Settings
    plan: Plan


def prepare(root: Path, environ: Mapping[str, str], flags: Flags, *, now: datetime) -> Prepared:
    """From a repository on disk to a plan. Asks no engine and no network.

    :raises ConfigError: every problem that the files, the variables and the flags have.
    """
    try:
        loaded = load(root, environ=environ)
    except InvalidConfig as error:
        raise InvalidConfig([*error.problems, *check_flags(environ, flags)], remedy=error.remedy) from None
    settings = resolve(loaded.config, environ=environ, flags=flags)
    plan = make_plan(root, loaded, settings, read_facts(root, environ=environ), now=now)
    return Prepared(settings=settings, plan=plan)


def run_id(now: datetime, plan: Plan) -> str:
    """`20250120T143000Z-abc1234-9f2c`: sorts by time, names the commit, and is unique."""
    return f"{now:%Y%m%dT%H%M%SZ}-{plan.commit[:7]}-{secrets.token_hex(2)}"
