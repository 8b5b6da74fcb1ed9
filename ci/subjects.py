"""Which images are meant by what `sealift verify` and `sealift rescan` are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ci.images import parse_image, platforms_of
from ci.pruning import moving, others_of
from ci.registry_ground import Registries
from ci.release_commands import check_targets
from pipelines.errors import ConfigError, RegistryError
from pipelines.expected import Subject
from pipelines.graph import Session
from pipelines.graph.records import find
from pipelines.model import Digest, Tag, Target
from pipelines.plan import Plan
from pipelines.record import Record, read, read_file
from pipelines.registry.concurrent import all_of
from pipelines.registry.holdings import tagged
from pipelines.rules import Rules
from pipelines.versions import parse


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line names. Nothing at all: what the environment's tags name now.

    :param references: images, already parsed.
    :param record: a release record's file, read.
    :param release: the name under which the registry keeps a record.
    :param every: each tag, not only those that say what is in use.
    """

    references: tuple[Subject, ...] = ()
    record: Record | None = None
    release: str | None = None
    services: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    every: bool = False

    @property
    def targets(self) -> tuple[Target, ...]:
        """Registries that have to be reached besides the environment's."""
        return tuple(one.target for one in self.references)


def asked(
    found: Registries, references: Sequence[str], record: Path | None, release: str | None, *, every: bool = False
) -> Asked:
    """Parsed, as far as nobody has to be asked.

    :raises ConfigError: a name is none; the record is none, or of a release to somewhere else.
    """
    told = read_file(record) if record else None
    if told is not None:
        check_targets(told, found.targets)
    return Asked(
        references=tuple(parse_image(found, text, told) for text in references),
        record=told,
        release=release,
        services=found.chosen(found.flags.services),
        tags=found.settings.explicit_tags,
        every=every,
    )


async def subjects(session: Session, found: Registries, wanted: Asked) -> list[Subject]:
    """The images; at least one.

    :raises RegistryError: there is no such release, or a service has no image in this environment.
    """
    return some(await _subjects(session, found, wanted))


def some(wanted: list[Subject]) -> list[Subject]:
    """The same; for nothing at all, everything would verify.

    :raises ConfigError: there is none.
    """
    if not wanted:
        raise ConfigError(
            "there is no image to look at: nothing of that release, or plan, is published at that registry",
            remedy="name images, another --release, --record or --registry",
            step="verify",
        )
    return wanted


async def _subjects(session: Session, found: Registries, wanted: Asked) -> list[Subject]:
    if wanted.references:
        return list({one.shown: one for one in wanted.references}.values())
    target = found.targets[0]
    record = wanted.record
    if wanted.release is not None:
        text = await find(session, found.targets, wanted.release, prefix=found.settings.tag_prefix)
        record = read(text, f"the record {wanted.release}")
        check_targets(record, found.targets)
    if record is not None:
        return _of_record(found, record)
    if wanted.tags:
        return [_tagged(found, target, name, tag) for name in wanted.services for tag in wanted.tags]
    several = await all_of(
        partial(_in_use, session, found, target, name, every=wanted.every) for name in wanted.services
    )
    return [subject for one in several for subject in one]


def of_plan(plan: Plan) -> list[Subject]:
    """The first tag of each service that the plan publishes; of one service at least."""
    subjects = [
        Subject(
            service=service.name,
            target=plan.targets[0],
            shown=service.repository.tagged(service.tags[0].tag),
            tag=service.tags[0].tag,
            platforms=service.platforms,
            rehearsal=plan.rules.rehearsal,
        )
        for service in plan.published
    ]
    return some(subjects)


def _of_record(found: Registries, record: Record) -> list[Subject]:
    """Each image of a release at each of its registries, or at the one that is named."""
    narrowed = found.flags.registry is not None
    targets = [target for target in record.targets if not narrowed or target.registry == found.settings.registry]
    names = found.flags.services or tuple(record.lot)
    if lacking := [name for name in names if name not in record.lot]:
        raise ConfigError(
            f"the release {record.id} has no {', '.join(lacking)}",
            remedy=f"services of that release: {', '.join(record.lot)}",
            step="record",
        )
    return [
        Subject(
            service=name,
            target=target,
            shown=target.repository(name).at(record.lot[name].index),
            digest=record.lot[name].index,
            platforms=tuple(record.lot[name].platforms),
            record=record,
            rehearsal=found.settings.rehearsal,
        )
        for target in targets
        for name in names
    ]


def _tagged(found: Registries, target: Target, service: str, tag: Tag) -> Subject:
    return Subject(
        service=service,
        target=target,
        shown=target.repository(service).tagged(tag),
        tag=tag,
        platforms=platforms_of(found, service),
        rehearsal=found.settings.rehearsal,
    )


async def _in_use(session: Session, found: Registries, target: Target, service: str, *, every: bool) -> list[Subject]:
    """What the environment's tags name: those that move, and the highest version; or all of them."""
    client = session.registries(target)
    rules = Rules(prefix=found.settings.tag_prefix, others=others_of(found, target), moving=moving(found))
    held = await tagged(client, target.repository(service))
    own = {digest: tags for digest, names in held.items() if (tags := [tag for tag in names if rules.owns(tag)])}
    versions = {
        tag: version for tags in own.values() for tag in tags if (version := parse(tag.removeprefix(rules.prefix)))
    }
    best = max(versions, key=lambda tag: versions[tag], default=None)
    chosen: dict[Digest, Tag] = {}
    for digest, tags in own.items():
        named = [tag for tag in tags if every or rules.moves(tag) or tag == best]
        if named:
            chosen[digest] = named[0]
    if not chosen:
        raise RegistryError(
            f"{target.repository(service)} has no tag of the environment {found.settings.environment}",
            remedy="publish it, or name a --tag, an image or a --release",
            service=service,
            step="verify",
        )
    return [_tagged(found, target, service, tag) for tag in sorted(chosen.values())]
