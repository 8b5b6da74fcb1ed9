"""The result of one run, and the files that keep results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.bench.meter import Usage

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Step:
    """A stage of Sealift's, from its progress lines: seconds since the run's first line, and how long it took."""

    name: str
    unit: str
    began: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a subject says that it made.

    :param digests: digest of each `service platform`, or of each service's index.
    :param made: the units that were not answered from the cache; None where the subject does not say.
    :param steps: empty where the subject does not say.
    :param trace: what `sealift trace --json` says; None where the subject has no trace.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    made: Sequence[str] | None = None
    steps: Sequence[Step] = ()
    trace: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What was carried, in bytes and blobs.

    :param uploads, uploaded: accepted by the target registry, by its own metrics.
    :param target_layers: bytes of layers that are new at the target.
    :param entered, entered_bytes, entered_layers: blobs that are new in the quarantine, their bytes, and those of
        layers among them; None for a subject that has no quarantine.
    :param requests: to the target registry, of any kind; None in results that were kept before these were counted.
    """

    uploads: int
    uploaded: int
    target_layers: int
    entered: int | None = None
    entered_bytes: int | None = None
    entered_layers: int | None = None
    requests: int | None = None

    @property
    def layers(self) -> int:
        """Bytes of layers that are new anywhere."""
        return self.target_layers + (self.entered_layers or 0)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run. `round` counts from 0; subjects are compared within a round."""

    subject: str
    round: int
    usage: Usage
    moved: Moved
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Results:
    """All runs of a scenario.

    :param machine: what they ran on, see `tests.bench.machine`.
    """

    scenario: str
    commit: str
    date: str
    machine: Mapping[str, Any]
    samples: Sequence[Sample]

    def of(self, subject: str) -> list[Sample]:
        """A subject's runs, by round."""
        return sorted((sample for sample in self.samples if sample.subject == subject), key=lambda item: item.round)


def save(results: Results, folder: Path) -> None:
    """Write `SCENARIO.json`; a reader sees the old file or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{results.scenario}.json"
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"format": FORMAT, **asdict(results)}, indent=1) + "\n")
    fresh.replace(file)


def load(file: Path) -> Results:
    """What `save` wrote."""
    raw = json.loads(file.read_text())
    samples = tuple(
        Sample(
            subject=item["subject"],
            round=item["round"],
            usage=Usage(**item["usage"]),
            moved=Moved(**item["moved"]),
            outcome=Outcome(**{**item["outcome"], "steps": tuple(Step(**s) for s in item["outcome"]["steps"])}),
        )
        for item in raw["samples"]
    )
    rest = {entry.name: raw[entry.name] for entry in fields(Results) if entry.name != "samples"}
    return Results(**rest, samples=samples)
