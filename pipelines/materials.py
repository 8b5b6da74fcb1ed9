"""What provenance says that an image was made from, against the release record. Pure.

The statements are those of `pipelines.provenance` (SLSA v1): each dependency has a `role` in its annotations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.model import OCI
from pipelines.record import Record
from pipelines.statements import Statement
from pipelines.verification import Check, Outcome

_NAME = "materials"


def materials(record: Record, service: str, statements: Sequence[Statement]) -> list[Check]:
    """Commit, bases, needed images, tools and database by provenance, against those of the record.

    An image that a release did not build, for it was there already, has the provenance of the run that made it: its
    commit, tools and database are that run's, and are told, not compared.
    """
    if service not in record.services:
        return []
    own = [statement for statement in statements if _started(statement) == record.started.replace(microsecond=0)]
    try:
        if own:
            return [*_of_the_run(record, own[0]), *_of_the_image(record, service, own[0])]
        told = [_note(statement) for statement in statements[:1]]
        return [*told, *(check for statement in statements[:1] for check in _of_the_image(record, service, statement))]
    except (KeyError, TypeError, AttributeError) as error:
        said = f"the provenance is not of the kind that Sealift makes: {error!r}"
        return [Check(name=_NAME, about="index", outcome=Outcome.REFUSED, said=said)]


def _started(statement: Statement) -> datetime | None:
    """When the run began that made it, to the second, however that is written: Cosign writes it in its own way."""
    run = statement.predicate.get("runDetails") or {}
    try:
        return datetime.fromisoformat((run.get("metadata") or {})["startedOn"])
    except (KeyError, TypeError, ValueError):
        return None


def _note(statement: Statement) -> Check:
    run = statement.predicate["runDetails"]["metadata"]
    said = f"made by another run, {run['invocationId']}: its commit, tools and database are not this release's"
    return Check(name=_NAME, about="run", outcome=Outcome.NOTED, said=said)


def _of_the_run(record: Record, statement: Statement) -> Iterator[Check]:
    """What is the same for all images of a run."""
    commits = {item["digest"].get("gitCommit") for item in _with_role(statement, "source")}
    yield _check("commit", commits == {record.plan.commit}, record.plan.commit, _shown(commits))
    used = {item["annotations"]["tool"]: _digest(item) for item in _with_role(statement, "tool")}
    known = {name: reference.partition("@")[2] for name, reference in record.tools.items()}
    wrong = sorted(name for name in used.keys() | known.keys() if used.get(name) != known.get(name))
    yield _check("tools", not wrong, f"{len(known)} tools", f"{', '.join(wrong)} differ")
    databases = {_digest(item) for item in _with_role(statement, "database")}
    wanted = {str(record.database["digest"])} if record.database else set()
    yield _check("database", databases == wanted, _shown(wanted), _shown(databases))


def _of_the_image(record: Record, service: str, statement: Statement) -> Iterator[Check]:
    """What the image itself was made from."""
    bases = [(item["annotations"]["platform"], _digest(item)) for item in _with_role(statement, "base")]
    for platform, unit in record.services[service].platforms.items():
        base = unit.labels.get(f"{OCI}base.digest")
        needed = {_digest(item) for item in _with_role(statement, "service")}
        if base and base not in needed:
            there = {digest for where, digest in bases if where == platform}
            yield _check(f"base {platform}", base in there, base, _shown(there))
    for item in _with_role(statement, "service"):
        need, platform = item["annotations"]["service"], item["annotations"]["platform"]
        known = record.services[need].platforms.get(platform) if need in record.services else None
        if known is not None:
            yield _check(f"{need} {platform}", known.digest == _digest(item), known.digest, _digest(item))


def _with_role(statement: Statement, role: str) -> list[Mapping[str, Any]]:
    found = statement.predicate["buildDefinition"]["resolvedDependencies"]
    return [item for item in found if (item.get("annotations") or {}).get("role") == role]


def _digest(item: Mapping[str, Any]) -> str:
    return f"sha256:{item['digest']['sha256']}"


def _shown(found: Sequence[str | None] | set[str | None] | set[str]) -> str:
    return ", ".join(sorted(map(str, found))) or "none"


def _check(about: str, good: bool, wanted: str, found: str) -> Check:
    said = wanted if good else f"{found}, and the record says {wanted}"
    return Check(name=_NAME, about=about, outcome=Outcome.OK if good else Outcome.REFUSED, said=said)
