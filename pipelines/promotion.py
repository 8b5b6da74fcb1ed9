"""A new record out of an old one: the same digests for another environment, or the same environment's tags moved back.

Pure. `graph.promote` asks the registries, and `graph.finish` does what the new record says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.config import Settings, is_loopback
from pipelines.errors import ConfigError
from pipelines.git import GitFacts
from pipelines.model import OCI, Digest, Tag, Target
from pipelines.moves import TagMove
from pipelines.record import Record
from pipelines.release import Place, ServiceRelease, as_text, published
from pipelines.tags import TagInputs, TagKind, Wanted, explicit, kind_of, tags_for


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a release goes, and by which rules it is tagged there."""

    environment: str
    targets: tuple[Target, ...]
    when_tags_fail: str
    tag_prefix: str

    @classmethod
    def of(cls, settings: Settings) -> Destination:
        """An environment, as the configuration has it."""
        return cls(
            environment=settings.environment,
            targets=settings.targets,
            when_tags_fail=settings.when_tags_fail,
            tag_prefix=settings.tag_prefix,
        )


def check_fit(record: Record, targets: Sequence[Target]) -> None:
    """:raises ConfigError: the release is not fit to leave this machine, or was never published."""
    if record.state != "published":
        raise ConfigError(
            f"the release {record.id} is in the state {record.state!r}, and only what was published goes further",
            remedy="'sealift release resume' finishes it",
            step="record",
        )
    if not record.fit_for_release and (outside := [item for item in targets if not is_loopback(item.registry)]):
        raise ConfigError(
            f"the release {record.id} is a rehearsal, not fit for release, and {outside[0]} is not on this machine",
            remedy="release with the public advisory database and official bases, and promote that",
            step="record",
        )


def wanted_at(record: Record, settings: Settings, main_branch: str, *, now: datetime) -> tuple[Wanted, ...]:
    """The tags that an environment's rules, or the caller, give each service of the release.

    Rules for branches give none: a record does not say of which branch it was.

    :raises ConfigError: no rule gives a tag.
    """
    found = []
    for item in record.plan.services:
        if item.name not in record.lot:
            continue
        committed = _committed(record, item.name)
        facts = GitFacts(commit=record.plan.commit, committed=committed)
        version = item.version or record.plan.version
        inputs = TagInputs(facts=facts, now=now, main_branch=main_branch, version=version)
        tags = (
            explicit(settings.explicit_tags, prefix=settings.tag_prefix)
            if settings.explicit_tags
            else tags_for(settings.tags, inputs, prefix=settings.tag_prefix)
        )
        found.append(Wanted(service=item.name, tags=tags, version=version, committed=committed))
    return tuple(found)


def wanted_of(record: Record) -> tuple[Wanted, ...]:
    """The tags that the release has where it is, for another place of the same environment."""
    return tuple(
        Wanted(
            service=item.name,
            tags=explicit(
                [move.tag for move in record.found[item.name].places[0].tags if not move.kept],
                prefix=record.plan.tag_prefix,
            ),
            version=item.version or record.plan.version,
            committed=_committed(record, item.name),
        )
        for item in record.plan.services
        if item.name in record.lot
    )


def _committed(record: Record, service: str) -> datetime:
    labels = next(iter(record.services[service].platforms.values())).labels
    return datetime.fromisoformat(labels.get(f"{OCI}created") or record.started.isoformat())


def moved_back(record: Record, now: Mapping[tuple[str, Target, Tag], Digest | None]) -> Mapping[str, ServiceRelease]:
    """What becomes of the environment's tags when an earlier release comes back.

    Release tags stay, for they name what they named; so do those that the earlier release itself left where they were.

    :param now: (service, registry, tag) → what the tag names.
    """
    prefix = record.plan.tag_prefix

    def back(name: str, index: Digest, target: Target, move: TagMove) -> TagMove:
        before = now[name, target, move.tag]
        stays = move.kept is not None or (kind_of(move.tag, prefix) is TagKind.RELEASE and before is not None)
        return TagMove(tag=move.tag, before=before, after=before if stays and before else index)

    return {
        name: replace(
            release,
            places=tuple(
                Place(
                    target=place.target,
                    tags=tuple(back(name, release.index, place.target, move) for move in place.tags),
                )
                for place in release.places
            ),
        )
        for name, release in record.found.items()
    }


def new_record(
    text: str,
    *,
    run: str,
    started: datetime,
    to: Destination,
    source: Target | None,
    found: Mapping[str, ServiceRelease],
    because: str,
) -> str:
    """The document of the new release, in the state `recorded`. What was built, found and judged is as it was.

    :param source: where its images are, if not in the quarantine.
    :param because: what made it of which release, in words.
    """
    document = json.loads(text)
    document |= {
        "id": run,
        "state": "recorded",
        "started": started.isoformat(),
        "finished": None,
        "source": {"registry": source.registry, "prefix": source.prefix, "insecure": source.insecure}
        if source
        else None,
        "because": because,
    }
    document["plan"] |= {
        "environment": to.environment,
        "registry": to.targets[0].registry,
        "targets": [
            {"registry": item.registry, "prefix": item.prefix, "insecure": item.insecure} for item in to.targets
        ],
        "when_tags_fail": to.when_tags_fail,
        "tag_prefix": to.tag_prefix,
    }
    for name in list(document["services"]):
        if name in found:
            document["services"][name]["published"] = published(name, found[name])
    return as_text(document)
