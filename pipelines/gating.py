"""The gate's rules for a run, from its settings and the files that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from pipelines.config import LoadedConfig, Settings, service_platforms
from pipelines.config.ignores import read_ignores
from pipelines.config.problems import REMEDY, InvalidConfig, Problem, in_order
from pipelines.config.vex import read_vex
from pipelines.ignores import Ignore
from pipelines.model import Severity
from pipelines.plan import Rules

_T = TypeVar("_T")


def rules_for(root: Path, loaded: LoadedConfig, settings: Settings, names: Sequence[str], *, now: datetime) -> Rules:
    """The rules. Reads VEX and ignores below `root`.

    :param names: the services of the plan.
    :raises InvalidConfig: with all that is not in order in these files.
    """
    policy = settings.policy
    problems: list[Problem] = []
    vex = _read(lambda: read_vex(root, policy.vex), problems)
    ignores = _read(lambda: _ignores(root, loaded, settings, names, now), problems)
    if problems:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return Rules(
        severity=Severity[policy.severity],
        only_fixed=policy.only_fixed,
        max_layers=policy.max_layers,
        allow_root=policy.allow_root,
        allow_licences=tuple(policy.licences.allow),
        deny_licences=tuple(policy.licences.deny),
        max_database_age_hours=settings.database.max_age_hours,
        rehearsal=settings.rehearsal,
        vex=vex,
        ignores=ignores,
    )


def _read(read: Callable[[], tuple[_T, ...]], problems: list[Problem]) -> tuple[_T, ...]:
    """What is read; or nothing, and its problems are added to the others'."""
    try:
        return read()
    except InvalidConfig as error:
        problems.extend(error.problems)
        return ()


def in_force(rules: Rules, *, today: date) -> Rules:
    """The rules of an earlier commit, as they are today: without the ignores that have expired since.

    None of the others is called stale: nobody can take it out of that commit.
    """
    kept = (replace(ignore, whole=False) for ignore in rules.ignores if ignore.expires >= today)
    return replace(rules, ignores=tuple(kept))


def _ignores(
    root: Path, loaded: LoadedConfig, settings: Settings, names: Sequence[str], now: datetime
) -> tuple[Ignore, ...]:
    """What is ignored for a time, each entry knowing whether this release shows that it excuses nothing any more."""
    file = settings.policy.ignores
    if file is None:
        return ()
    whole = {name for name in names if set(service_platforms(loaded.config, name)) <= set(settings.platforms)}
    found = read_ignores(root, file, tuple(loaded.config.services), today=now.astimezone(UTC).date())
    return tuple(replace(ignore, whole=whole.issuperset(ignore.services)) for ignore in found)
