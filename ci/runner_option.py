"""`--runner PLATFORM=LABEL`, and what the options of native workflows ask for together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from pipelines.config import LoadedConfig, all_platforms, service_platforms
from pipelines.config.values import one_of
from pipelines.errors import ConfigError
from pipelines.model import Platform
from pipelines.render.workflows import Native
from pipelines.runners import HOSTED, parse_runner, runners_for

F = TypeVar("F", bound=Callable[..., Any])

MOST = 256
"""Jobs that a matrix of GitHub may have in one run (its documentation, "Running variations of jobs in a workflow")."""


def runner_option(what: str) -> Callable[[F], F]:
    """The option; the command receives platform → label.

    :param what: what it means there.
    """
    return click.option(
        "--runner", "runners", multiple=True, metavar="PLATFORM=LABEL", callback=_parsed, help=f"{what} Repeatable."
    )


def _parsed(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> Mapping[Platform, str]:
    found: dict[Platform, str] = {}
    for text in given:
        try:
            platform, label = parse_runner(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if platform in found:
            raise click.BadParameter(f"{platform} is there twice; it is built on one kind of runner")
        found[platform] = label
    return found


def check_jobs(shards: int, platforms: int, option: str) -> None:
    """:raises click.BadParameter: a matrix of GitHub would have too many jobs.

    :param option: that says how many shards.
    """
    if shards * platforms > MOST:
        raise click.BadParameter(
            f"{shards} for each of {platforms} platforms are more jobs than the {MOST} of a matrix", param_hint=option
        )


def native_of(loaded: LoadedConfig, native: bool, runners: Mapping[Platform, str], shards: int | None) -> Native | None:
    """How the options want a release to be built on runners of its platforms; None if they do not.

    :raises ConfigError: a platform that is built for has no runner, or a runner is for another one.
    """
    if not (native or runners or shards is not None):
        return None
    services = loaded.config.services
    platforms = all_platforms(loaded.config, services)
    choose = one_of(platforms, "platform", "platforms")
    for platform in runners:
        try:
            choose(platform)
        except ValueError as error:
            raise ConfigError(
                f"--runner: {error}", remedy="name platforms that services are built for, or leave it out"
            ) from None
    check_jobs(shards or 1, len(platforms), "--shards")
    return Native(
        runners=runners_for(platforms, {**HOSTED, **runners}),
        shards=shards or 1,
        alike=all(set(service_platforms(loaded.config, name)) == set(platforms) for name in services),
    )
