"""The release record: one JSON document that says what was released, from what, and why it was allowed to leave."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from pipelines.findings import Excused, dismissed, excused
from pipelines.model import REBUILT_LABEL, Database, Digest, Examined, Severity, Tag, Target
from pipelines.moves import TagMove
from pipelines.plan import Plan
from pipelines.policy import Violation
from pipelines.predicates import ALWAYS

FORMAT = 2
"""Version of the record's shape; it changes when a reader of the old shape would be misled."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A service's tags at one target."""

    target: Target
    tags: tuple[TagMove, ...]


@dataclass(frozen=True, kw_only=True)
class ServiceRelease:
    """One service's index, what is attested to it, and its tags at each target, in the plan's order.

    :param places: none if nothing was pushed.
    """

    index: Digest
    places: tuple[Place, ...] = ()
    attested: tuple[str, ...] = ALWAYS


@dataclass(frozen=True, kw_only=True)
class Release:
    """Everything that the record says. Grows by `replace` as the run goes on.

    :param state: `examined`; `refused`, by the gate; `signed`, where nothing is pushed; `recorded`, just before
        anything leaves; `moving`, from before the first tag moves; `undone`, where one could not be moved and the
        others were moved back; `published`.
    :param keys: service → the input key of its image.
    """

    id: str
    started: datetime
    plan: Plan
    tools: Mapping[str, str]
    state: str = "examined"
    finished: datetime | None = None
    database: Database | None = None
    units: tuple[Examined, ...] = ()
    violations: tuple[Violation, ...] = ()
    services: Mapping[str, ServiceRelease] | None = None
    public_key: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)

    def at(self, state: str, **changes: Any) -> Release:
        """The record in its next state."""
        return replace(self, state=state, **changes)

    @property
    def moves(self) -> list[TagMove]:
        """What becomes of every tag, over all services and registries."""
        places = [place for service in (self.services or {}).values() for place in service.places]
        return [move for place in places for move in place.tags]

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that its record is kept under: the run's id, and each version that it releases."""
        return record_tags(
            self.id,
            self.plan.tag_prefix,
            self.plan.version,
            {service.name: service.version for service in self.plan.published if service.version},
        )

    @property
    def sample(self) -> bool:
        """The scan used the sample database: not fit for release."""
        return self.database is not None and self.database.sample

    @property
    def rebuilt(self) -> bool:
        """Some image stands on a base that was rebuilt on this machine in place of the official one."""
        return any(REBUILT_LABEL in unit.image.labels for unit in self.units)

    @property
    def excused(self) -> tuple[Excused, ...]:
        """The ignores without which it would not leave."""
        return excused(self.plan, self.units)

    def of(self, service: str) -> Sequence[Examined]:
        """The examined platforms of one service."""
        return [unit for unit in self.units if unit.image.unit.service == service]

    def as_json(self) -> dict[str, Any]:
        """The record's document."""
        return {
            "format": FORMAT,
            "id": self.id,
            "state": self.state,
            "started": self.started.isoformat(),
            "finished": self.finished.isoformat() if self.finished else None,
            "fit_for_release": not self.sample
            and not self.violations
            and self.database is not None
            and not self.rebuilt,
            "rebuilt_bases": self.rebuilt,
            "plan": self.plan.as_json(),
            "tools": dict(self.tools),
            "database": _database(self.database),
            "public_key": self.public_key,
            "verdict": {
                "passed": not self.violations,
                "violations": [
                    {"service": v.service, "platform": v.platform, "rule": v.rule, "what": v.what, "remedy": v.remedy}
                    for v in self.violations
                ],
                "dismissed": [
                    {**asdict(item), "images": [str(unit) for unit in there]}
                    for item, there in dismissed(self.units).items()
                ],
                "excused": [
                    {**item.ignore.as_json(), "images": [str(unit) for unit in item.units]} for item in self.excused
                ],
            },
            "services": {service.name: self._service(service.name) for service in self.plan.services},
        }

    def text(self) -> str:
        """The document as it is written: indented, keys in a fixed order."""
        return as_text(self.as_json())

    def _service(self, name: str) -> dict[str, Any]:
        release = (self.services or {}).get(name)
        return {
            "index": release.index if release else None,
            "attested": list(release.attested) if release else [],
            "key": self.keys.get(name),
            "reused": next((unit.reused for unit in self.of(name)), None),
            "published": published(name, release) if release else [],
            "platforms": {unit.image.unit.platform: _unit(unit) for unit in self.of(name)},
        }


def as_text(document: Mapping[str, Any]) -> str:
    """A record's document as it is written."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def published(name: str, release: ServiceRelease) -> list[dict[str, Any]]:
    """A service's tags at each registry, for the document."""
    return [
        {"repository": str(place.target.repository(name)), "tags": [_tag(move) for move in place.tags]}
        for place in release.places
    ]


def record_tags(run: str, prefix: str, version: str | None, own: Mapping[str, str]) -> tuple[Tag, ...]:
    """The run's id; the version of all services; or `aidb-v1.2.3`, where services have versions of their own."""
    versions = [version] if version else [f"{service}-{text}" for service, text in own.items()]
    return (Tag(run), *(Tag(prefix + text) for text in versions))


def by_severity(units: Sequence[Examined]) -> dict[Severity, int]:
    """Vulnerabilities by severity, each id and package once over the platforms, most severe first."""
    found = {
        (finding.id, finding.package, finding.installed): finding.severity
        for unit in units
        if unit.scan
        for finding in unit.scan.findings
        if finding.kind == "vulnerability"
    }
    return {severity: sum(value == severity for value in found.values()) for severity in reversed(Severity)}


def _database(database: Database | None) -> dict[str, Any] | None:
    if database is None:
        return None
    return {
        "reference": database.reference,
        "digest": database.digest,
        "updated": database.updated.isoformat(),
        "sample": database.sample,
    }


def _tag(move: TagMove) -> dict[str, Any]:
    return {"tag": move.tag, "before": move.before, "after": move.after, "moved": move.moved, "kept": move.kept}


def _unit(unit: Examined) -> dict[str, Any]:
    return {
        "digest": unit.image.digest,
        "size": unit.image.size,
        "layers": unit.image.layers,
        "user": unit.image.user,
        "labels": dict(unit.image.labels),
        "packages": len(unit.packages),
        "boot_ms": unit.boot_ms,
        "cached": unit.cached,
        "seconds": round(unit.seconds, 2),
        "findings": {severity.name: count for severity, count in by_severity([unit]).items() if count},
        "secrets": unit.secrets,
        "made_by": unit.made_by.as_json() if unit.made_by else None,
    }
