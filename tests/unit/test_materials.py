"""What provenance says, against the record of the release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.materials import materials
from pipelines.model import OCI
from pipelines.record import Record, read
from pipelines.statements import Statement
from pipelines.verification import Outcome
from tests.unit.conftest import Samples

BASE = "sha256:" + "b" * 64


@pytest.fixture
def record(samples: Samples) -> Record:
    found = read(samples.published().text(), "a test")
    service = found.services["aidb"]
    based = {
        name: unit.model_copy(update={"labels": {**unit.labels, f"{OCI}base.digest": BASE}})
        for name, unit in service.platforms.items()
    }
    return found.model_copy(
        update={"services": {**found.services, "aidb": service.model_copy(update={"platforms": based})}}
    )


def dependency(role: str, digest: str, **more: str) -> dict[str, Any]:
    return {"digest": {"sha256": digest.removeprefix("sha256:")}, "annotations": {"role": role, **more}}


def provenance(record: Record, *, started: str = "") -> Statement:
    assert record.database
    return Statement(
        subjects=frozenset(),
        predicate_type="https://slsa.dev/provenance/v1",
        predicate={
            "buildDefinition": {
                "resolvedDependencies": [
                    {"digest": {"gitCommit": record.plan.commit}, "annotations": {"role": "source"}},
                    *(dependency("base", BASE, platform=name) for name in record.services["aidb"].platforms),
                    *(
                        dependency("tool", reference.partition("@")[2], tool=name)
                        for name, reference in record.tools.items()
                    ),
                    dependency("database", record.database["digest"]),
                ]
            },
            # As Cosign writes it again.
            "runDetails": {
                "metadata": {"invocationId": "x", "startedOn": started or f"{record.started:%Y-%m-%dT%H:%M:%SZ}"}
            },
        },
    )


def dependencies(statement: Statement) -> list[dict[str, Any]]:
    return statement.predicate["buildDefinition"]["resolvedDependencies"]  # type: ignore[no-any-return]


def refused(record: Record, statement: Statement) -> list[str]:
    return [check.about for check in materials(record, "aidb", [statement]) if check.outcome is Outcome.REFUSED]


def test_all_of_it_is_as_the_record_says(record: Record) -> None:
    checks = materials(record, "aidb", [provenance(record)])
    assert {check.outcome for check in checks} == {Outcome.OK}
    assert [check.about for check in checks] == ["commit", "tools", "database", "base linux/amd64", "base linux/arm64"]


def other_commit(found: list[dict[str, Any]]) -> None:
    found[0]["digest"]["gitCommit"] = "f" * 40


def other_base(found: list[dict[str, Any]]) -> None:
    found[1]["digest"]["sha256"] = "f" * 64


def no_tool(found: list[dict[str, Any]]) -> None:
    del found[3]


def other_database(found: list[dict[str, Any]]) -> None:
    found[-1]["digest"]["sha256"] = "f" * 64


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (other_commit, "commit"), (other_base, "base linux/amd64"), (no_tool, "tools"), (other_database, "database"),
    ],
)  # fmt: skip
def test_what_is_not(record: Record, change: Callable[[list[dict[str, Any]]], None], expected: str) -> None:
    statement = provenance(record)
    change(dependencies(statement))
    assert refused(record, statement) == [expected]


def test_another_run_s_commit_is_not_compared_and_its_bases_are(record: Record) -> None:
    statement = provenance(record, started="2020-01-01T00:00:00Z")
    other_commit(dependencies(statement))
    assert refused(record, statement) == []
    assert materials(record, "aidb", [statement])[0].about == "run"
    other_base(dependencies(statement))
    assert refused(record, statement) == ["base linux/amd64"]


def test_provenance_of_another_kind(record: Record) -> None:
    statement = Statement(subjects=frozenset(), predicate_type="", predicate={"builder": "x"})
    (check,) = materials(record, "aidb", [statement])
    assert check.outcome is Outcome.REFUSED
    assert "not of the kind that Sealift makes" in check.said
