"""The options that the commands about registries share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ci import options as opt

F = TypeVar("F", bound=Callable[..., Any])

ENVIRONMENT = click.option("--env", metavar="NAME", help="Environment from sealift.yaml. [default: local]")
_REGISTRY = click.option("--registry", metavar="HOST[:PORT]", help="This registry, not the environment's.")


def environment(command: F) -> F:
    """The options that say which registries."""
    return ENVIRONMENT(_REGISTRY(opt.root(command)))
