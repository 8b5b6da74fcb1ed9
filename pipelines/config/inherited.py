"""What an environment has from the top level, and a further registry from its environment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pipelines.config.schema import Config, Destination, Environment
from pipelines.config.types import Strict
from pipelines.config.values import is_loopback
from pipelines.model import Target

_Model = TypeVar("_Model", bound=Strict)


def over(top: _Model, own: _Model | None) -> _Model | None:
    """The environment's keys over the top level's, key by key: what an environment does not say stays in force."""
    if own is None:
        return None
    return top.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def places(config: Config, environment: Environment, destinations: Sequence[Destination]) -> tuple[Target, ...]:
    """Further registries of an environment, each with the prefix that it has of its own, or else the environment's."""
    prefix = config.prefix if environment.prefix is None else environment.prefix
    return tuple(
        Target(
            registry=item.registry,
            prefix=prefix if item.prefix is None else item.prefix,
            insecure=item.insecure or is_loopback(item.registry),
        )
        for item in destinations
    )
