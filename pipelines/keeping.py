"""Why something stays at a registry, rule by rule. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pipelines.holdings import Contents
from pipelines.key import is_key_tag
from pipelines.model import Digest
from pipelines.rules import GRACE, UNFINISHED, Rules, Told
from pipelines.versions import parse, stable

Reasons = dict[Digest, list[str]]
"""Digest → why it stays; empty if nothing keeps it."""

_STATES = ("recorded", "moving", "undone", "published")
"""States of a record that is at a registry, in the order in which a run reaches them."""


def reasons(contents: Contents, releases: Mapping[Digest, Sequence[str]], rules: Rules, now: datetime) -> Reasons:
    """Of every root of a service's repository, and of every other digest that a rule names.

    :param releases: what releases keep of it.
    """
    own = [tag for tag in contents.tags if rules.owns(tag)]
    versions = last_versions(own, rules.last, rules.prefix) if rules.last else frozenset()
    found = {
        digest: [
            *(text for tag in tags for text in _by_tag(tag, versions, rules)),
            *releases.get(digest, ()),
            *_by_age(contents.known(digest), rules, now),
        ]
        for digest, tags in contents.roots.items()
    }
    found |= {digest: list(why) for digest, why in releases.items() if digest not in found}
    for digest, where in rules.deployed.items():
        for one in _above(contents, digest):
            found.setdefault(one, []).insert(0, f"deployed: {where}")
    return found


def _by_tag(tag: str, versions: Collection[str], rules: Rules) -> Iterator[str]:
    if is_key_tag(tag):
        # It says what an image was made of, and keeps none: all environments share it.
        return
    if not rules.owns(tag):
        yield f"{tag} is not of this environment"
    elif rules.moves(tag):
        yield f"{tag} moves"
    if tag in versions:
        yield f"{tag} is one of the last {rules.last}"
    yield from (f"{tag} matches {pattern}" for pattern in rules.patterns if fnmatch.fnmatchcase(tag, pattern))


def _by_age(when: datetime | None, rules: Rules, now: datetime) -> Iterator[str]:
    if when is None:
        yield "its age is not known"
    elif now - when < GRACE:
        yield "not a day old"
    elif rules.days and now - when < timedelta(days=rules.days):
        yield f"{(now - when).days} day(s) old"


def _above(contents: Contents, digest: Digest) -> list[Digest]:
    """What is deployed, and every root that it is part of."""
    if digest not in contents.manifests:
        return []
    return [digest, *(one for one in contents.roots if one != digest and digest in contents.below([one]))]


def last_versions(tags: Collection[str], count: int, prefix: str) -> frozenset[str]:
    """The tags of the highest versions by precedence; prereleases are counted by themselves, and oust no release."""
    parsed = {tag: version for tag in tags if tag.startswith(prefix) and (version := parse(tag.removeprefix(prefix)))}
    found: set[str] = set()
    for kind in (True, False):
        mine = [tag for tag, version in parsed.items() if stable(version) is kind]
        found.update(sorted(mine, key=lambda tag: parsed[tag], reverse=True)[:count])
    return frozenset(found)


def last_releases(runs: Iterable[Told], count: int) -> list[Told]:
    """The latest published releases of each environment, with different images: a way back repeats one.

    :param runs: the latest first.
    """
    found: list[Told] = []
    for item in runs:
        mine = [other for other in found if other.environment == item.environment]
        if item.state == "published" and item.lot and len(mine) < count and all(item.lot != one.lot for one in mine):
            found.append(item)
    return found


def runs(told: Iterable[Told]) -> list[Told]:
    """One entry for each run, the latest first: the record of one is kept in several states."""
    latest: dict[str, Told] = {}
    for item in told:
        there = latest.get(item.id)
        if there is None or _rank(item) > _rank(there):
            latest[item.id] = item
    return sorted(latest.values(), key=lambda item: (item.started, item.id), reverse=True)


def _rank(item: Told) -> int:
    return _STATES.index(item.state) if item.state in _STATES else -1


def by_release(
    services: Sequence[Contents], told: Iterable[Told], rules: Rules, now: datetime
) -> Mapping[str, Reasons]:
    """Service → what releases keep of it: the last ones, those of a version that stays, those that are not finished."""
    final = runs(told)
    last = last_releases(final, rules.last) if rules.last else []
    versions = {
        contents.name: last_versions([tag for tag in contents.tags if rules.owns(tag)], rules.last, rules.prefix)
        for contents in services
        if rules.last
    }
    found: dict[str, Reasons] = {contents.name: {} for contents in services}
    for item in final:
        stays = [tag for name, tag in item.versions.items() if tag in versions.get(name, ())]
        if item in last:
            why = f"release {item.id} is one of the last {rules.last}"
        elif item.state == "published" and stays:
            why = f"part of the release {stays[0]}, which stays"
        elif item.state in ("recorded", "moving") and now - item.started < UNFINISHED:
            why = f"release {item.id} is not finished"
        else:
            continue
        for contents in services:
            for digest in item.lot.get(contents.name, ()):
                if digest in contents.manifests:
                    found[contents.name].setdefault(digest, []).append(why)
    return found


def records(contents: Contents, told: Iterable[Told], kept: Mapping[str, frozenset[Digest]], now: datetime) -> Reasons:
    """Of every release record: it stays as long as one of its images does, or was not looked at.

    :param kept: service → all that stays of it.
    """
    entries = {item.manifest: item for item in told}
    return {
        digest: list(_of_record(entries.get(digest), bool(tags), contents.known(digest), kept, now))
        for digest, tags in contents.roots.items()
    }


def _of_record(
    item: Told | None, named: bool, when: datetime | None, kept: Mapping[str, frozenset[Digest]], now: datetime
) -> Iterator[str]:
    if item is None and named:
        yield "is no release record"
    elif item is None:
        yield from _by_age(when, Rules(), now)
    elif not item.lot:
        yield "names no image"
    elif now - item.started < GRACE:
        yield "not a day old"
    elif others := sorted(item.lot.keys() - kept.keys()):
        yield f"its {', '.join(others)} was not looked at"
    elif names := sorted(name for name, lot in item.lot.items() if lot & kept[name]):
        yield f"its {', '.join(names)} stays"
