"""`sealift rescan` of one release: with the advisories that it was released with, and with one more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.model import RECORDS
from tests.faults.advisory_artifacts import served
from tests.faults.outcomes import nothing_left, published
from tests.faults.small import Small
from tests.scratch import REGISTRY

CVE = "CVE-2025-62727"


@pytest.fixture(scope="module")
def shop(released: Small, advisories: Path) -> Iterator[Small]:
    """The smallest release, as `dev`, scanned with a database of today."""
    made = released.under_a_prefix_of_its_own()
    made.extra["database"] = {"repository": f"{REGISTRY}/{served(made.registry, advisories)}"}
    made.commit()
    published(made)
    yield made
    made.delete("web", "trivy-db", RECORDS)


@pytest.fixture
def later(shop: Small, advisories: Path, gained: Path) -> Iterator[Small]:
    """The same, when the database has one advisory more."""
    served(shop.registry, gained)
    yield shop
    served(shop.registry, advisories)


def rescanned(shop: Small, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = shop.sealift("rescan", "--json", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    nothing_left(shop)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_nothing_is_new_and_nothing_is_moved(shop: Small) -> None:
    index = shop.registry.digest("web", "dev")
    found = rescanned(shop)
    (image,) = found["images"]
    assert (image["service"], image["platform"], image["passed"]) == ("web", "linux/amd64", True)
    assert image["digest"] == shop.registry.index("web", "dev")["linux/amd64"]
    assert (image["packages"], image["new"], image["all"], image["findings"]) == (1, {}, {}, [])
    last = datetime.fromisoformat(image["scanned_before"])
    assert timedelta() < datetime.now(UTC) - last < timedelta(hours=1)
    assert found["database"]["sample"] is False
    assert shop.registry.digest("web", "dev") == index
    assert shop.registry.tags("web") == ["dev"]


def test_what_has_become_known_since(later: Small, tmp_path: Path) -> None:
    found = rescanned(later, "--sarif", str(tmp_path / "sarif"), code=4)
    (image,) = found["images"]
    assert (image["new"], image["passed"]) == ({"HIGH": 1}, False)
    (finding,) = image["findings"]
    assert finding == {
        "id": CVE, "severity": "HIGH", "package": "starlette", "installed": "0.49.0", "fixed": "0.49.1",
        "title": "Starlette vulnerable to denial of service by range headers", "kind": "vulnerability",
        "new": True, "refused": True,
    }  # fmt: skip
    (file,) = (tmp_path / "sarif/web").iterdir()
    assert file.name.startswith("linux-amd64-")
    (scan,) = json.loads(file.read_text())["runs"]
    assert [result["ruleId"] for result in scan["results"]] == [CVE]
    assert scan["automationDetails"]["id"] == "sealift/web/linux-amd64/"
    told = later.sealift("rescan", "web:dev", "--severity", "CRITICAL")
    assert told.returncode == 0
    assert f"- web linux/amd64: new: {CVE} HIGH in starlette 0.49.0, fixed in 0.49.1" in told.stdout


def test_ignores_apply_and_what_passes_is_attested(later: Small) -> None:
    (refused,) = rescanned(later, "--attest", code=4)["images"]
    assert refused["attested"] == [], "a scan that does not pass lets the last one grow old"
    config = later.root / "sealift.yaml"
    before = config.read_text()
    try:
        ignore(later, expires=datetime.now(UTC).date() + timedelta(days=9))
        config.write_text(json.dumps(json.loads(before) | {"policy": {"ignores": "ignores.yaml"}}))
        (passed,) = rescanned(later, "--attest")["images"]
        assert (passed["passed"], passed["attested"]) == (True, [REGISTRY])
        assert [one["id"] for one in passed["findings"]] == [CVE]
    finally:
        config.write_text(before)
        (later.root / "ignores.yaml").unlink()
    # What is attested is the last scan from now on: nothing is new any more.
    (known,) = rescanned(later, code=4)["images"]
    assert (known["new"], known["all"]) == ({}, {"HIGH": 1})
    assert known["scanned_before"] > passed["scanned_before"]
    assert rescanned(later, "--new-only")["images"][0]["passed"] is True
    done = later.sealift("verify", "web:dev", "--json")
    assert done.returncode == 0, done.stderr
    assert [item["scanned"] for item in json.loads(done.stdout)] == [known["scanned_before"]]


def ignore(shop: Small, *, expires: date) -> None:
    (shop.root / "ignores.yaml").write_text(
        f"version: 1\nignores:\n  - id: {CVE}\n    package: starlette\n    reason: it serves no files\n"
        f"    owner: backend\n    expires: {expires}\n"
    )


def test_an_sbom_that_does_not_verify(shop: Small) -> None:
    index = shop.registry.digest("web", "dev")
    web = f"{REGISTRY}/{shop.registry.prefix}web"
    unsigned = shop.registry.regctl("image", "mod", f"{web}:dev", "--create", f"{web}:bare", "--label", "changed=yes")
    assert unsigned.returncode == 0, unsigned.stderr
    try:
        done = shop.sealift("rescan", "web:bare")
    finally:
        shop.registry.regctl("tag", "rm", f"{web}:bare")
    assert done.returncode == 10, done.stdout + done.stderr
    assert "SBOMs do not verify, and so nobody knows what is in these images" in done.stderr
    assert shop.registry.digest("web", "dev") == index
