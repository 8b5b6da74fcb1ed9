"""Ignores and VEX, with the real scanner: what is excused leaves and is told, and what excuses nothing has to go."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.predicates import CSAF, OPENVEX
from tests.attested import predicates
from tests.faults.advisory_artifacts import served
from tests.faults.outcomes import published, refused
from tests.faults.small import DOCKERFILE
from tests.scratch import REGISTRY, Scratch

CVE = "CVE-2024-47874"  # in the sample, and so in the database that the tests serve


@pytest.fixture
def vulnerable(scratch: Scratch, advisories: Path) -> Scratch:
    """A service with a vulnerable package, scanned with a database of today that is no sample."""
    context = scratch.service("web", dockerfile=DOCKERFILE, settings={"boot": None})
    package(context, "0.36.0")
    (context / "content").write_text("")
    database = served(scratch.registry, advisories)
    scratch.extra["database"] = {"repository": f"{REGISTRY}/{database}"}
    scratch.extra["policy"] = {"ignores": "ignores.yaml"}
    return scratch


def of_the_platform(scratch: Scratch) -> str:
    """The only platform's manifest."""
    (digest,) = scratch.registry.index("web", "dev").values()
    return f"{REGISTRY}/{scratch.registry.prefix}web@{digest}"


def package(context: Path, version: str, *, licence: str = "BSD-3-Clause") -> None:
    """Have starlette in this version and under this licence, and no other."""
    folder = context / "site/starlette.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: starlette\nVersion: {version}\nLicense: {licence}\n"
    )


def ignore(scratch: Scratch, *, expires: date, name: str = CVE) -> None:
    """Write the file, with one entry, and commit."""
    (scratch.root / "ignores.yaml").write_text(
        f"version: 1\nignores:\n  - id: {name}\n    package: starlette\n    reason: it takes no forms\n"
        f"    owner: backend\n    expires: {expires}\n"
    )
    scratch.commit()


def test_what_is_ignored_leaves_for_a_time(vulnerable: Scratch) -> None:
    today = datetime.now(UTC).date()
    last = today + timedelta(days=30)
    ignore(vulnerable, expires=today - timedelta(days=2))
    said = refused(vulnerable, 3)
    assert f"ignores.yaml:7:14 ignores[0].expires: expired on {today - timedelta(days=2)}" in said
    ignore(vulnerable, expires=last)
    said = published(vulnerable)
    assert f"Excused until {last}: {CVE} in starlette, web linux/amd64" in said
    assert "it takes no forms (backend)" in said
    verdict = vulnerable.record()["verdict"]
    assert verdict["passed"]
    (excused,) = verdict["excused"]
    assert (excused["id"], excused["owner"], excused["images"]) == (CVE, "backend", ["web linux/amd64"])
    (told,) = predicates(vulnerable, "vuln", of_the_platform(vulnerable))
    (attested,) = told["scanner"]["result"]["excused"]
    assert attested == {key: value for key, value in excused.items() if key != "images"}
    assert [finding["id"] for finding in told["scanner"]["result"]["findings"]] == [CVE]
    assert vulnerable.sealift("scan").returncode == 0
    # When it is mended, the entry has to go: if it came back, nobody would see it.
    package(vulnerable.root / "services/web", "0.49.0")
    vulnerable.commit()
    before = vulnerable.registry.digest("web", "dev")
    done = vulnerable.sealift("build-all")
    assert done.returncode == 4, done.stderr
    stale = f"web * ignore: ignores.yaml:3 excuses {CVE} in starlette, which is in none of its images"
    assert stale in done.stdout + done.stderr
    assert vulnerable.registry.digest("web", "dev") == before
    (vulnerable.root / "ignores.yaml").write_text("version: 1\nignores: []\n")
    vulnerable.commit()
    published(vulnerable)
    assert vulnerable.registry.digest("web", "dev") != before
    assert vulnerable.record()["verdict"]["excused"] == []


def openvex(product: str) -> str:
    """A document that says of a product that it is not affected."""
    statement = {
        "vulnerability": {"name": CVE},
        "products": [{"@id": product}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
    }
    head = {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1", "author": "backend"}
    return json.dumps({**head, "timestamp": "2025-01-20T14:30:00Z", "version": 1, "statements": [statement]})


def csaf(product: str) -> str:
    """The same in the other format."""
    named = {"name": "starlette", "product_id": "P", "product_identification_helper": {"purl": product}}
    branches = [{"category": "product_name", "name": "starlette", "product": named}]
    vulnerability = {"cve": CVE, "product_status": {"known_not_affected": ["P"]}}
    document = {"category": "csaf_vex", "csaf_version": "2.0", "title": "starlette"}
    tree = {"branches": [{"category": "vendor", "name": "backend", "branches": branches}]}
    return json.dumps({"document": document, "product_tree": tree, "vulnerabilities": [vulnerability]})


@pytest.mark.parametrize(
    ("document", "statement", "kind"),
    [(openvex, "vulnerable_code_not_in_execute_path", OPENVEX.kind), (csaf, "", CSAF.kind)],
    ids=["OpenVEX", "CSAF"],
)
def test_what_vex_says_is_not_affected_leaves_and_is_told(
    vulnerable: Scratch, document: Callable[[str], str], statement: str, kind: str
) -> None:
    vulnerable.extra["policy"] = {"vex": ["vex.json"]}
    (vulnerable.root / "vex.json").write_text(document("pkg:pypi/starlette@0.35.0"))
    vulnerable.commit()
    assert f"vulnerability: {CVE}" in refused(vulnerable, 4)
    (vulnerable.root / "vex.json").write_text(document("pkg:pypi/starlette@0.36.0"))
    vulnerable.commit()
    said = published(vulnerable)
    assert f"Dismissed as not_affected: {CVE} in starlette, web linux/amd64" in said
    (dismissed,) = vulnerable.record()["verdict"]["dismissed"]
    assert (dismissed["file"], dismissed["statement"]) == ("vex.json", statement)
    image = of_the_platform(vulnerable)
    (told,) = predicates(vulnerable, "vuln", image)
    assert told["scanner"]["result"]["dismissed"] == [
        {key: value for key, value in dismissed.items() if key != "images"}
    ]
    # The document itself, which the release has to have from now on.
    assert predicates(vulnerable, kind, image) == [json.loads(document("pkg:pypi/starlette@0.36.0"))]
    assert kind in vulnerable.record()["services"]["web"]["attested"]


def test_a_licence_that_is_denied_does_not_leave_unless_it_is_ignored(vulnerable: Scratch) -> None:
    package(vulnerable.root / "services/web", "0.49.0", licence="AGPL-3.0-only")
    vulnerable.extra["policy"] = {"licences": {"deny": ["AGPL-3.0"]}}
    vulnerable.commit()
    assert "web linux/amd64 licence: starlette 0.49.0 is under AGPL-3.0-only" in refused(vulnerable, 4)
    vulnerable.extra["policy"] = {"licences": {"deny": ["AGPL-3.0"]}, "ignores": "ignores.yaml"}
    ignore(vulnerable, expires=datetime.now(UTC).date(), name="AGPL-3.0-only")
    assert "AGPL-3.0-only in starlette, web linux/amd64" in published(vulnerable)
