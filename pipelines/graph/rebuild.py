"""Build a release again, compare its digests with the record, and restore what a registry has lost of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipelines.config import Settings
from pipelines.graph.context import Run
from pipelines.graph.examination import Examination, begin
from pipelines.graph.explain import explained
from pipelines.graph.finish import finish
from pipelines.graph.look import Found, look
from pipelines.graph.quarantine import start
from pipelines.graph.seal import Lot, join, seal
from pipelines.graph.together import together
from pipelines.graph.units import build_one, examine
from pipelines.key import OF_THE_COMMIT
from pipelines.model import Digest, Target
from pipelines.moves import TagMove, higher_released
from pipelines.plan import Plan
from pipelines.policy import judge, refusal
from pipelines.promotion import Destination, new_record, wanted_of
from pipelines.record import Record, read
from pipelines.registry import remote
from pipelines.release import as_text
from pipelines.tags import TagKind, Wanted, kind_of
from pipelines.versions import parse


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One manifest of the release, built again. `platform` is None for the index of a service's platforms."""

    service: str
    platform: str | None
    recorded: Digest
    made: Digest
    differences: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        return self.recorded == self.made

    def as_json(self) -> dict[str, Any]:
        """For `rebuild --json`."""
        return {
            "service": self.service,
            "platform": self.platform,
            "recorded": self.recorded,
            "made": self.made,
            "same": self.same,
            "differences": list(self.differences),
        }


def as_recorded(plan: Plan, record: Record) -> Plan:
    """The plan, with the labels that name a commit or a version as the record has them.

    What was reused in a release has those of the release that it was built for.
    """

    def labels(name: str) -> Mapping[str, str]:
        units = record.services[name].platforms.values() if name in record.services else ()
        return {key: value for unit in units for key, value in unit.labels.items() if key in OF_THE_COMMIT}

    services = (replace(item, labels={**item.labels, **labels(item.name)}) for item in plan.services)
    return replace(plan, services=tuple(services))


async def rebuild(run: Run, record: Record, names: Collection[str]) -> tuple[list[Compared], Examination, Lot]:
    """Build these services again, and compare what they are with the record.

    If something is to be published, everything is examined too, and judged.

    :raises GateFailed: it would not pass today.
    :raises SealiftError: it does not build, or as in a release.
    """
    if run.options.push:
        examination = await examine(run)
        database = examination.found.database if examination.found else None
        if violations := judge(run.plan, list(examination.examined.values()), database):
            raise refusal(violations)
    else:
        examination = begin(run.plan)
        jobs = [partial(build_one, run, examination, unit) for unit in examination.built]
        await together([partial(start, run.toolbox), *jobs])
    joined = await join(run, examination, record.keys, silent=record.silent)
    lot = {name: one for name, one in joined.items() if name in names}
    compared: list[Compared] = []
    for name, made in lot.items():
        recorded = record.lot[name]
        pairs = [(str(platform), digest, made.platforms[platform]) for platform, digest in recorded.platforms.items()]
        for platform, old, new in (*pairs, (None, recorded.index, made.index)):
            compared.append(Compared(service=name, platform=platform, recorded=old, made=new))
    return await _with_differences(run, compared, record.targets[0]), examination, lot


async def _with_differences(run: Run, compared: Sequence[Compared], target: Target) -> list[Compared]:
    """The same, with what differs. That platforms of an index are others is said of these."""
    found: dict[Compared, tuple[str, ...]] = dict.fromkeys(compared, ())

    async def explain(one: Compared) -> None:
        told = await explained(run, one.service, one.recorded, one.made, source=target)
        found[one] = told.differences

    async with run.step("compare"):
        await together(partial(explain, one) for one in compared if not one.same)
    return [replace(one, differences=differing) for one, differing in found.items()]


async def restore(run: Run, record: Record, text: str, settings: Settings, examination: Examination, lot: Lot) -> str:
    """Publish what was built again, of the same digests: what a registry has lost, and the tags that name nothing now.

    :raises SealiftError: as in a release.
    """
    await seal(run, examination, list(lot.values()))
    kept = read(_only(text, lot), record.id)
    wanted = wanted_of(kept)
    found = await look(run, lot, wanted, record.targets, prefix=record.plan.tag_prefix)
    found = await _only_lost(run, found, wanted, record.plan.tag_prefix)
    new = new_record(
        _only(text, lot), run=run.id, started=run.started, to=replace(Destination.of(settings), targets=record.targets),
        source=None, found=found, because=f"built again from commit {record.plan.commit}, release {record.id}",
    )  # fmt: skip
    await run.persist(new)
    return await finish(run, read(new, run.id), new, again=True)


def _only(text: str, names: Collection[str]) -> str:
    """The record's document without other services."""
    document = json.loads(text)
    document["plan"]["services"] = [item for item in document["plan"]["services"] if item["name"] in names]
    document["services"] = {name: item for name, item in document["services"].items() if name in names}
    return as_text(document)


async def _only_lost(run: Run, found: Found, wanted: Sequence[Wanted], prefix: str) -> Found:
    """Without the moves of tags that name something: time has gone on since the release."""
    versions = {one.service: one.version for one in wanted}

    async def moves(name: str, target: Target, tags: Sequence[TagMove]) -> tuple[TagMove, ...]:
        stay = [replace(move, after=move.before, kept=move.kept or "it names a later image")
                for move in tags if move.before not in (None, move.after)]  # fmt: skip
        lost = [move for move in tags if move.before in (None, move.after)]
        if version := parse(versions[name] or ""):
            held_tags = await remote.listed(run.registries(target), name)
            lost = [
                move
                for move in lost
                if kind_of(move.tag, prefix) is not TagKind.LINE
                or not higher_released(version, move.tag, held_tags, prefix)
            ]
        return (*lost, *stay)

    return {
        name: replace(
            release,
            places=tuple(
                [replace(place, tags=await moves(name, place.target, place.tags)) for place in release.places]
            ),
        )
        for name, release in found.items()
    }
