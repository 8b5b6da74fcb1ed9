"""Which services a run is about, in which order, and for which platforms. Pure."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable

from pipelines.config.schema import Config
from pipelines.model import Platform


def with_needed(config: Config, names: Iterable[str]) -> tuple[str, ...]:
    """The named services and all that they need, each after what it needs, otherwise as declared.

    :param config: a checked configuration: every need is declared and none is circular.
    """
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(config.services[name].needs)
    in_order = [name for name in config.services if name in wanted]
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter(dict.fromkeys(in_order, ()))
    for name in in_order:
        sorter.add(name, *config.services[name].needs)
    return tuple(sorter.static_order())


def service_platforms(config: Config, name: str) -> tuple[Platform, ...]:
    """The platforms that a service is built for when nothing narrows them."""
    return tuple(Platform(platform) for platform in config.services[name].platforms or config.platforms)


def all_platforms(config: Config, names: Iterable[str]) -> tuple[Platform, ...]:
    """Every platform of these services: the top level's in its order, then the others as the services name them."""
    used = {platform: None for name in names for platform in service_platforms(config, name)}
    first = [Platform(platform) for platform in config.platforms if platform in used]
    return tuple(dict.fromkeys([*first, *used]))
