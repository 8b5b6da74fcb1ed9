"""What the functions of the Dagger module are made of: their arguments, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import dagger
from dagger import Doc, field, function, object_type

Env = Annotated[str | None, Doc("environment from sealift.yaml (default: local)")]
Services = Annotated[list[str] | None, Doc("only these services; default all")]
Platforms = Annotated[list[str] | None, Doc("only these platforms, such as linux/arm64; default all")]
Tags = Annotated[list[str] | None, Doc("tags to publish instead of those of the rules")]
Jobs = Annotated[int | None, Doc("stages that run at once (default: 4)")]

Release = Annotated[str, Doc("version, such as v1.2.3, or the run's id")]

F = TypeVar("F", bound=Callable[..., Any])


def never_cached(method: F) -> F:
    """A function of the module that is run at every call: what it answers depends on the outside world."""
    return function(cache="never")(method)  # type: ignore[call-overload,no-any-return]


def options(**values: str | int | bool | Sequence[str] | None) -> list[str]:
    """Command-line options of what was given: `tag=["v1"], no_push=True` → `--tag=v1 --no-push`."""
    arguments: list[str] = []
    for name, value in values.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            arguments += [flag] if value else []
        elif isinstance(value, str | int):
            arguments.append(f"{flag}={value}")
        else:
            arguments += [f"{flag}={item}" for item in value or ()]
    return arguments


@object_type
class Published:
    """What a run left behind."""

    summary: Annotated[str, Doc("the table of the run, and what to do next")] = field()
    record: Annotated[str, Doc("the release record, JSON")] = field()
    dist: Annotated[dagger.Directory, Doc("release.json, summary.txt and reports; 'dist export --path dist'")] = field()
