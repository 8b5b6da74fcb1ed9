from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.model import Scan, Severity
from pipelines.release import FORMAT, by_severity

if TYPE_CHECKING:
    from tests.unit.conftest import Samples


@pytest.mark.parametrize("name", ["published", "refused", "rehearsed"])
def test_golden_record(samples: Samples, golden: Callable[[str, str], None], name: str) -> None:
    golden(f"release-{name}.json", getattr(samples, name)().text())


def test_the_text_is_the_document_and_ends_with_a_line_end(samples: Samples) -> None:
    release = samples.published()
    assert json.loads(release.text()) == json.loads(json.dumps(release.as_json()))
    assert release.text().endswith("}\n")


def test_the_shape_of_the_record(samples: Samples) -> None:
    document = samples.published().as_json()
    assert list(document) == [
        "format", "id", "state", "started", "finished", "fit_for_release", "rebuilt_bases", "plan", "tools", "database",
        "public_key", "verdict", "services",
    ]  # fmt: skip
    assert document["format"] == FORMAT == 2
    assert document["started"] == "2025-01-20T14:30:00+00:00"
    assert document["verdict"] == {"passed": True, "violations": [], "dismissed": [], "excused": []}
    aidb = document["services"]["aidb"]
    assert aidb["index"] == samples.digest("aidb index")
    (place,) = aidb["published"]
    assert place["repository"] == "ghcr.io/sealift/aidb"
    assert place["tags"][0] == {"tag": "v1.2.3", "before": None, "after": aidb["index"], "moved": True, "kept": None}
    assert list(aidb["platforms"]) == ["linux/amd64", "linux/arm64"]
    assert aidb["platforms"]["linux/amd64"]["digest"] == samples.digest("aidb linux/amd64")
    assert aidb["platforms"]["linux/amd64"]["findings"] == {"LOW": 1}


def test_a_record_before_anything_was_sealed(samples: Samples) -> None:
    document = samples.release().as_json()
    assert (document["state"], document["finished"], document["public_key"]) == ("examined", None, None)
    assert document["services"]["docs"]["index"] is None
    assert document["services"]["docs"]["published"] == []
    assert len(document["services"]["docs"]["platforms"]) == 2


@pytest.mark.parametrize(
    ("make", "fit"),
    [
        (lambda samples: samples.release(), True),
        (lambda samples: samples.published(), True),
        (lambda samples: samples.refused(), False),
        (lambda samples: samples.rehearsed(), False),
        (lambda samples: samples.release(database=None), False),
        (lambda samples: samples.release(database=samples.database(sample=True)), False),
    ],
    ids=["examined", "published", "refused", "rebuilt", "not scanned", "sample"],
)
def test_fit_for_release(samples: Samples, make: Callable[[Any], Any], fit: bool) -> None:
    assert make(samples).as_json()["fit_for_release"] is fit


def test_a_rebuilt_base_alone_makes_it_unfit(samples: Samples) -> None:
    rehearsed = replace(samples.rehearsed(), database=samples.database())
    assert rehearsed.rebuilt
    assert not rehearsed.violations
    assert rehearsed.as_json()["fit_for_release"] is False


def test_a_rehearsal_without_a_scan_is_allowed_and_unfit(samples: Samples) -> None:
    plan = samples.plan(rules=replace(samples.rules, rehearsal=True))
    release = samples.release(plan=plan, database=None)
    assert release.as_json()["verdict"]["passed"] is True
    assert release.as_json()["fit_for_release"] is False


def test_the_next_state_keeps_the_rest(samples: Samples) -> None:
    before = samples.release()
    after = before.at("signed", public_key="key")
    assert (after.state, after.public_key, after.units) == ("signed", "key", before.units)
    assert before.state == "examined"


def test_secrets_are_counted_and_not_shown_as_vulnerabilities(samples: Samples) -> None:
    unit = samples.unit(samples.secret(), samples.finding())
    row = samples.release(units=(unit,)).as_json()["services"]["aidb"]["platforms"]["linux/amd64"]
    assert (row["findings"], row["secrets"]) == ({"HIGH": 1}, 1)
    unscanned = samples.release(units=(samples.unit(scan=None),)).as_json()
    assert unscanned["services"]["aidb"]["platforms"]["linux/amd64"]["secrets"] is None


def test_a_vulnerability_counts_once_over_platforms_and_targets(samples: Samples) -> None:
    one, two = samples.finding(target="/app/a"), samples.finding(target="/app/b")
    other = samples.finding(installed="2.9")
    low = samples.finding(id="CVE-2024-0009", severity=Severity.LOW)
    scan = Scan(findings=(one, two, other, low, samples.secret()), packages=1, created=samples.now)
    units = [samples.unit(scan=scan), samples.unit(scan=scan, image=samples.image(platform=samples.arm64))]
    assert by_severity([*units, samples.unit(scan=None)]) == {
        Severity.CRITICAL: 0, Severity.HIGH: 2, Severity.MEDIUM: 0, Severity.LOW: 1, Severity.UNKNOWN: 0,
    }  # fmt: skip
    assert list(by_severity([])) == sorted(Severity, reverse=True)
