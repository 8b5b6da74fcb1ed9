"""The command line's options, once for all commands that share them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from pipelines.config import Flags

F = TypeVar("F", bound=Callable[..., Any])

root = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Root of the repository. [default: here]",
)
_PLANNED = (
    click.option("--version", "version", metavar="vX.Y.Z", help="Version that is released. [default: the git tag's]"),
    click.option("--since", metavar="REVISION", help="Only what changed since, and what is built on it."),
)
_SELECTION = (
    click.option("--env", metavar="NAME", help="Environment from sealift.yaml. [default: local]"),
    click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service. Repeatable."),
    click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only this platform. Repeatable."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag to publish, not the rules'. Repeatable."),
    click.option("--registry", metavar="HOST[:PORT]", help="Registry to publish to, not the environment's."),
    *_PLANNED,
    click.option("--jobs", type=int, metavar="N", help="Stages that run at once. [default: 4]"),
    root,
)


def selection(command: F) -> F:
    """What is released, under which tags and where to; collected into one `flags` argument."""
    return _collected(command, _SELECTION)


def narrowing(command: F) -> F:
    """The same for what was released already, of which there is no plan."""
    return _collected(command, [option for option in _SELECTION if option not in _PLANNED])


def _collected(command: F, options: Sequence[Callable[[Any], Any]]) -> F:
    def collected(**values: Any) -> Any:
        flags = Flags(
            env=values.pop("env"),
            services=values.pop("services"),
            platforms=values.pop("platforms"),
            registry=values.pop("registry"),
            tags=values.pop("tags"),
            version=values.pop("version", None),
            since=values.pop("since", None),
            jobs=values.pop("jobs"),
        )
        return command(flags=flags, **values)

    collected.__name__ = command.__name__
    collected.__doc__ = command.__doc__
    wrapped: Any = collected
    wrapped.__click_params__ = list(getattr(command, "__click_params__", []))
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
out = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dist"),
    show_default=True,
    help="Folder for the record, the reports and the summary.",
)
no_cache = click.option("--no-cache", is_flag=True, help="Run every build step again.")
no_reuse = click.option("--no-reuse", is_flag=True, help="Build what was published before of the same inputs, too.")
no_push = click.option(
    "--no-push", is_flag=True, help="Stop in the quarantine, after everything is signed and verified."
)
no_scan = click.option("--no-scan", is_flag=True, help="Do not scan. Refused outside the local environment.")
delta = click.option(
    "--delta", metavar="RELEASE", help="Write delta.md: what changed since that environment, record or version."
)
