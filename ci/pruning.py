"""Prune an environment's registries: read all of them, decide, and only then delete."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ci.local.machine import make_setup
from ci.local.storage import find_ours, pushed
from ci.registry_ground import Registries
from ci.terminal import report
from pipelines.config import Flags, is_loopback, resolve
from pipelines.deployed import Ours, deployed, digests_in
from pipelines.holdings import subject_of
from pipelines.model import RECORDS, Target
from pipelines.registry.client import Client
from pipelines.registry.removal import Removed, remove
from pipelines.registry.survey import Survey, survey
from pipelines.retention import Decision, decide
from pipelines.rules import MOVING, Rules
from pipelines.tags import slug


async def prune(
    found: Registries,
    services: Sequence[str],
    rules: Rules,
    files: Sequence[tuple[str, bytes]],
    *,
    confirm: bool,
    now: datetime,
) -> list[tuple[Survey, Decision, Removed | None]]:
    """Read all registries, decide, and only then delete."""
    async with found.clients(found.targets) as clients:
        spoken_of = digests_in(files)
        surveys = [
            await survey(client, services, _on_disk(found, client.target, services), spoken_of) for client in clients
        ]
        named = deployed(files, _ours(found, surveys))
        tags = [tag for held in surveys for item in held.holdings for tag in item.tags]
        for pattern in rules.patterns:
            if not fnmatch.filter(tags, pattern):
                report(f"note: no tag matches {pattern!r}")
        decided: list[tuple[Client, Survey, Decision, Rules]] = []
        for client, held in zip(clients, surveys, strict=True):
            here = replace(rules, deployed=named, others=others_of(found, client.target), moving=moving(found))
            decided.append((client, held, decide(held.holdings, held.told, here, now=now), here))
        results: list[tuple[Survey, Decision, Removed | None]] = []
        for client, held, decision, here in decided:
            done = await remove(client, held, decision, here, report) if confirm else None
            results.append((held, decision, done))
        return results


def _on_disk(found: Registries, target: Target, services: Sequence[str]) -> Mapping[str, Mapping[Any, datetime]]:
    """Repository's path → when its manifests were pushed, of the registry that we run ourselves."""
    if not is_loopback(target.registry):
        return {}
    setup = make_setup(found.environ, report)
    ours = find_ours(setup, target.registry)
    if ours is None:
        return {}
    paths = [target.repository(name).path for name in (*services, RECORDS)]
    return {path: pushed(setup, ours, path) for path in paths}


def _ours(found: Registries, surveys: Sequence[Survey]) -> Ours:
    """How files may name what is there."""
    prefixes = {target.prefix for target in found.targets}
    return Ours(
        repositories={
            str(held.target.repository(item.name)): {
                tag: digest for tag, digest in item.tags.items() if subject_of(tag) is None
            }
            for held in surveys
            for item in held.holdings
            if item.name != RECORDS
        },
        names=frozenset(prefix + name for prefix in ("", *prefixes) for name in found.services),
        digests=frozenset(digest for held in surveys for item in held.holdings for digest in item.manifests),
    )


def others_of(found: Registries, target: Target) -> tuple[str, ...]:
    """The prefixes of other environments' tags in the same repositories."""
    place = (target.registry, target.prefix)
    prefixes = []
    for name in found.config.environments:
        other = resolve(found.config, environ={}, flags=Flags(env=name))
        there = {(item.registry, item.prefix) for item in (*other.targets, *other.regions)}
        if name != found.settings.environment and place in there:
            prefixes.append(other.tag_prefix)
    return tuple(dict.fromkeys(prefixes))


def moving(found: Registries) -> frozenset[str]:
    """Names of tags that move, by the configuration."""
    return MOVING | {slug(found.config.main_branch), *found.config.environments}
