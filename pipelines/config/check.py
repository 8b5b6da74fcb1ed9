"""What concerns several keys at once. Pure: what needs the file system is in `paths`."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator, Sequence

from pipelines.config.bases import check_bases
from pipelines.config.build_secrets import check_build_secrets
from pipelines.config.inherited import over
from pipelines.config.problems import Finding, KeyPath, suggestion
from pipelines.config.schema import Config, Destination, Environment, Policy, Service, TagRule
from pipelines.config.signing import check_signing
from pipelines.config.values import parse_registry
from pipelines.errors import shown
from pipelines.model import RECORDS, Repository

_MOST_CYCLES = 20
_LONGEST_REFERENCE = 255  # Docker and containerd refuse longer names (distribution/reference, NameTotalLengthMax)


def check_keys(config: Config) -> Iterator[Finding]:
    """Everything that the schema cannot say: names that must exist, cycles, platforms, repositories, samples."""
    yield from _check_top(config)
    for name in config.environments:
        yield from _check_environment(config, name)
    if RECORDS in config.services:
        yield ("services", RECORDS), "is the name of the repository of release records; choose another"
    for name, service in config.services.items():
        yield from _check_service(config, name, service)
    yield from check_build_secrets(config)
    yield from _check_cycles(config)
    yield from dict.fromkeys(_check_signing(config))


def _check_top(config: Config) -> Iterator[Finding]:
    if config.default_environment not in config.environments:
        near = suggestion(config.default_environment, config.environments) or ";"
        message = f"no such environment: {shown(config.default_environment)}{near}"
        yield ("default_environment",), f"{message} environments: {', '.join(config.environments)}"
    if config.database.allow_sample:
        yield ("database", "allow_sample"), "may only be set in environments.local"
    yield from _twice(("platforms",), config.platforms)
    yield from _twice(("tags",), config.tags)
    yield from _check_policy(("policy",), config.policy)
    yield from check_bases(config.bases, config.tools)
    if all(environment.prefix is not None for environment in config.environments.values()):
        # No environment would show that it is wrong.
        yield from _check_prefix(("prefix",), "localhost", config.prefix, ("x",))


def _check_environment(config: Config, name: str) -> Iterator[Finding]:
    environment, path = config.environments[name], ("environments", name)
    prefix = config.prefix if environment.prefix is None else environment.prefix
    places: list[tuple[str, str]] = []
    own_place: tuple[KeyPath, Environment | Destination] = (path, environment)
    also = [((*path, "also", number), item) for number, item in enumerate(environment.also)]
    regions = [((*path, "regions", number), item) for number, item in enumerate(environment.regions)]
    for at, item in (own_place, *also, *regions):
        registry = "localhost"
        try:
            registry = parse_registry(item.registry)
        except ValueError as error:
            yield (*at, "registry"), str(error)
        own = (*at, "prefix") if item.prefix is not None else (*path, "prefix") if environment.prefix else ("prefix",)
        place = (item.registry, prefix if item.prefix is None else item.prefix)
        yield from _check_prefix(own, registry, place[1], config.services)
        if place in places:
            yield at, "the release goes there already; name another registry or prefix"
        places.append(place)
    if name != "local" and environment.database is not None and environment.database.allow_sample:
        # A sample database never decides about a release that leaves the machine.
        yield (*path, "database", "allow_sample"), "may only be set in environments.local"
    yield from _twice((*path, "tags"), environment.tags or ())
    yield from _check_policy((*path, "policy"), environment.policy)
    rules = environment.tags or config.tags
    if {TagRule.LATEST_ON_MAIN, TagRule.LATEST_ON_RELEASE} <= set(rules):
        at = (*path, "tags") if environment.tags else ("tags",)
        yield at, "latest-on-main and latest-on-release both move 'latest'; choose one of them"


def _check_signing(config: Config) -> Iterator[Finding]:
    """What each environment comes to; what is wrong with the top level's is wrong in all that have it."""
    for name, environment in config.environments.items():
        own = over(config.signing, environment.signing)
        path: KeyPath = ("signing",) if own is None else ("environments", name, "signing")
        yield from check_signing(path, own or config.signing, config.source)


def _check_policy(path: KeyPath, policy: Policy | None) -> Iterator[Finding]:
    if policy is None:
        return
    for index, name in enumerate(policy.licences.allow):
        if name in policy.licences.deny:
            yield (*path, "licences", "allow", index), f"{name} is denied, too"
    yield from _twice((*path, "vex"), policy.vex)


def _check_prefix(path: KeyPath, registry: str, prefix: str, services: Iterable[str]) -> Iterator[Finding]:
    """At most one problem: a prefix that is wrong for one service is wrong for most."""
    for service in services:
        try:
            repository = Repository(registry=registry, path=prefix + service)
        except ValueError as error:
            yield path, f"the prefix {shown(prefix)} makes an illegal repository: {error}"
            return
        if len(str(repository)) > _LONGEST_REFERENCE:
            yield path, f"the prefix makes a repository of more than {_LONGEST_REFERENCE} characters"
            return


def _check_service(config: Config, name: str, service: Service) -> Iterator[Finding]:
    path: KeyPath = ("services", name)
    yield from _twice((*path, "platforms"), service.platforms or ())
    platforms = service.platforms or config.platforms
    given = dict.fromkeys(service.args, "args")
    for needed, argument in service.needs.items():
        at = (*path, "needs", needed)
        if argument in given:
            yield at, f"the build argument {argument} is already given by {given[argument]}"
        given[argument] = f"needs.{needed}"
        if needed not in config.services:
            near = suggestion(needed, config.services) or ";"
            yield at, f"no such service{near} services: {', '.join(config.services)}"
        elif missing := set(platforms) - set(config.services[needed].platforms or config.platforms):
            yield at, f"{needed} is not built for {', '.join(sorted(missing))}, which {name} is built for"


def _twice(path: KeyPath, values: Sequence[str]) -> Iterator[Finding]:
    for index, value in enumerate(values):
        if value in values[:index]:
            yield (*path, index), f"{shown(str(value))} is listed twice"


def _check_cycles(config: Config) -> Iterator[Finding]:
    """Each cycle once, as `a → b → a`, at the need that closes it. Stops at twenty: the rest shows when those go."""
    graph = {
        name: [needed for needed in service.needs if needed in config.services]
        for name, service in config.services.items()
    }
    order = list(config.services)
    for _ in range(_MOST_CYCLES):
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            # graphlib gives predecessors first: the other way round is "needs".
            cycle = list(reversed(error.args[1]))[1:]
            start = cycle.index(min(cycle, key=order.index))
            cycle = cycle[start:] + cycle[:start]
            last = cycle[-1]
            yield ("services", last, "needs", cycle[0]), f"services need each other: {' → '.join([*cycle, cycle[0]])}"
            graph[last].remove(cycle[0])
        else:
            return
