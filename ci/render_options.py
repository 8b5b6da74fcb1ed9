"""The options of `sealift render kubernetes` and `sealift render compose`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from ci import options as opt
from pipelines.config.values import PULL_POLICIES

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What both commands are asked for; the flags of `--help`."""

    record: Path | None
    run: str | None
    env: str | None
    registry: str | None
    services: tuple[str, ...]
    pull_policy: str | None
    replicas: int | None
    out: Path | None
    updates: tuple[Path, ...]
    maps: tuple[str, ...]
    keeps: tuple[str, ...]
    check: bool
    diff: bool
    root: Path
    as_json: bool


_OPTIONS = (
    click.argument("record", required=False, type=click.Path(path_type=Path)),
    click.option("--run", metavar="ID|VERSION", help="The record that the registry keeps under this name, not a file."),
    click.option("--env", metavar="NAME", help="Environment whose registry keeps it. [default: local]"),
    click.option(
        "--registry", metavar="HOST[/PREFIX]", help="The release's registry to pull from. [default: its first]"
    ),
    click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service. Repeatable."),
    click.option(
        "--pull-policy",
        type=click.Choice(PULL_POLICIES),
        help="When an image is pulled. [default: IMAGE_PULL_POLICY, or the record's]",
    ),
    click.option("--replicas", type=click.IntRange(0), metavar="N", help="Of each service. [default: 1]"),
    click.option(
        "--update",
        "updates",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE|DIR",
        help="Set the images in these manifests, and leave every other byte as it is. Repeatable.",
    ),
    click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="REPOSITORY=SERVICE",
        help="With --update: the service's image takes the place of those of this repository. Repeatable.",
    ),
    click.option(
        "--keep",
        "keeps",
        multiple=True,
        metavar="NAME",
        help="With --update: leave images of this service or repository although the release has no record of them;"
        " may be a pattern, as '*'. Repeatable.",
    ),
    click.option("--check", is_flag=True, help="With --update: write nothing; exit code 1 if something would change."),
    click.option("--diff", is_flag=True, help="With --update: write nothing, and show what would change."),
    opt.root,
    opt.as_json,
)


def asked_for(out: Callable[[F], F]) -> Callable[[F], F]:
    """The options of both commands, in one argument `asked`; `out` is the command's own."""

    def decorate(command: F) -> F:
        def collected(**values: Any) -> Any:
            extra = {name: values.pop(name) for name in list(values) if name not in Asked.__dataclass_fields__}
            asked = Asked(**values)
            _check(asked, extra)
            return command(asked=asked, **extra)

        collected.__name__ = command.__name__
        collected.__doc__ = command.__doc__
        wrapped: Any = collected
        wrapped.__click_params__ = list(getattr(command, "__click_params__", []))
        for option in reversed((*_OPTIONS[:7], out, *_OPTIONS[7:])):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[no-any-return]

    return decorate


def _check(asked: Asked, extra: Mapping[str, object]) -> None:
    """:raises click.UsageError: options that say nothing together."""
    if asked.record is not None and asked.run is not None:
        raise click.UsageError("RECORD and --run name two records; give one of them")
    new: dict[str, object] = {"--out": asked.out, "--service": asked.services, "--replicas": asked.replicas}
    new |= {f"--{name}": value for name, value in extra.items()}
    old: dict[str, object] = {"--map": asked.maps, "--keep": asked.keeps, "--check": asked.check, "--diff": asked.diff}
    if wrong := [name for name, value in (new if asked.updates else old).items() if value not in (None, (), False)]:
        raise click.UsageError(
            f"{', '.join(wrong)} cannot be given with --update" if asked.updates else f"{wrong[0]} needs --update"
        )
    if asked.as_json and not asked.updates and asked.out is None:
        raise click.UsageError("--json says what was written: give --out or --update")
