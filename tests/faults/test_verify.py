"""`sealift verify` of one release, as it is and with each thing that can be wrong with it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.model import RECORDS
from tests.faults.advisory_artifacts import served
from tests.faults.clock import tomorrow
from tests.faults.outcomes import nothing_left, published
from tests.faults.small import Small
from tests.faults.test_keys import make_pair
from tests.scratch import REGISTRY, run

PLATFORM = "linux/amd64"


@pytest.fixture(scope="module")
def shop(engine: Mapping[str, str], advisories: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The smallest release, scanned with a database of today, as `dev` and as `v1.0.0`; and `bare`, which is changed,

    and so nobody has signed. No other file's tests release this image: its provenance would be of their run.
    """
    made = Small.create(tmp_path_factory.mktemp("verified"), engine).under_a_prefix_of_its_own()
    made.extra["database"] = {"repository": f"{REGISTRY}/{served(made.registry, advisories)}"}
    made.commit()
    published(made, "--tag", "dev", "--tag", "v1.0.0")
    web = name(made)
    done = made.registry.regctl("image", "mod", f"{web}:dev", "--create", f"{web}:bare", "--annotation", "changed=yes")
    assert done.returncode == 0, done.stderr
    yield made
    made.delete("web", "trivy-db", RECORDS)


def name(shop: Small) -> str:
    return f"{REGISTRY}/{shop.registry.prefix}web"


def verified(shop: Small, *arguments: str, code: int = 0) -> tuple[list[dict[str, Any]], str]:
    """What `verify --json` prints, and what it says beside it."""
    done = shop.sealift("verify", "--json", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    nothing_left(shop)
    return json.loads(done.stdout), done.stderr


def outcomes(item: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {(check["check"], check["about"]): check["outcome"] for check in item["checks"]}


def moved(shop: Small, tag: str, to: str) -> None:
    """Let a tag name what another names."""
    done = shop.registry.regctl("image", "copy", f"{name(shop)}:{to}", f"{name(shop)}:{tag}")
    assert done.returncode == 0, done.stderr


def key(folder: Path) -> str:
    """The fingerprint of a public key, as openssl tells it."""
    done = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(folder / "cosign.pub"), "-outform", "DER"],
        capture_output=True, check=True,
    )  # fmt: skip
    return hashlib.sha256(done.stdout).hexdigest()


def good(shop: Small, item: Mapping[str, Any], index: str) -> dict[tuple[str, str], str]:
    """The outcomes of an image with which everything is as it should be."""
    assert (item["service"], item["index"], item["verified"]) == ("web", index, True)
    assert item["platforms"] == shop.registry.index("web", "dev")
    rest = dict.fromkeys(("pattern", "repository", "ref"))
    assert item["signed_by"] == [
        {"subject": None, "issuer": None, "key": key(Path(shop.env["SEALIFT_KEYS_DIR"])), **rest}
    ]
    checked = outcomes(item)
    for check in (
        ("signature", "index"), ("signature", PLATFORM), ("platforms", "index"), ("spdxjson", PLATFORM),
        ("cyclonedx", PLATFORM), ("vuln", PLATFORM), ("slsaprovenance1", "index"),
    ):  # fmt: skip
        assert checked[check] == "ok", check
    assert checked["scan age", PLATFORM] == "noted"
    return checked


def test_what_is_good_however_it_is_named(shop: Small) -> None:
    index, platform = shop.registry.digest("web", "dev"), shop.registry.index("web", "dev")[PLATFORM]
    assert index
    named, _ = verified(shop, "web:v1.0.0", f"{name(shop)}:dev", f"web@{index}", f"web@{platform}")
    by_plan, _ = verified(shop)
    for item in (*named[:3], *by_plan):
        good(shop, item, index)
    assert outcomes(named[3]) == {
        ("signature", PLATFORM): "ok", ("spdxjson", PLATFORM): "ok", ("cyclonedx", PLATFORM): "ok",
        ("vuln", PLATFORM): "ok", ("scan age", PLATFORM): "noted",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["file", "registry"])
def test_a_release_by_its_record(shop: Small, where: str) -> None:
    record = shop.record()
    given = ("--record", str(shop.root / "dist/release.json")) if where == "file" else ("--release", record["id"])
    (item,), _ = verified(shop, *given)
    checked = good(shop, item, record["services"]["web"]["index"])
    for check in (
        ("record", "index"), ("record", PLATFORM), ("tag", "dev"), ("tag", "v1.0.0"),
        ("materials", "commit"), ("materials", "tools"), ("materials", "database"),
    ):  # fmt: skip
        assert checked[check] == "ok", check


def test_a_whole_environment_in_which_nobody_has_signed_one(shop: Small) -> None:
    found, said = verified(shop, "--all-tags", code=10)
    tags = {item["reference"].rpartition(":")[2]: item for item in found}
    assert {tag: item["verified"] for tag, item in tags.items()} == {"bare": False, "dev": True}, "each image once"
    checked = outcomes(tags["bare"])
    assert {one for check, one in checked.items() if check[0] != "platforms"} == {"refused"}
    assert tags["bare"]["signed_by"] == []
    assert ":bare: signature: " in said
    assert "remedy: do not use this image" in said


def test_the_printed_commands_are_accepted_by_cosign_and_refuse_what_is_changed(shop: Small, tmp_path: Path) -> None:
    done = shop.sealift("verify", "web:dev", "--commands")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("cosign ")]
    # Two signatures, each asked for in two ways; SBOMs and scan of the platform; provenance of the index.
    assert len(lines) == 8
    assert sum(line.startswith("cosign verify ") for line in lines) == 2
    good = run(["sh", "-c", done.stdout], cwd=tmp_path, env=shop.env)
    assert good.returncode == 0, good.stderr
    bare = shop.registry.digest("web", "bare")
    index = shop.registry.digest("web", "dev")
    assert bare and index and index in done.stdout
    bad = run(["sh", "-c", done.stdout.replace(index, bare)], cwd=tmp_path, env=shop.env)
    assert bad.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_all_that_is_wrong_with_all_images_is_said(shop: Small, tmp_path: Path) -> None:
    other = make_pair(shop, tmp_path / "other") / "cosign.pub"
    found, said = verified(shop, "web:dev", "web:bare", "web:v9.9.9", "--key", str(other), code=10)
    assert [item["verified"] for item in found] == [False] * 3
    refused = {check for check, outcome in outcomes(found[0]).items() if outcome == "refused"}
    assert refused == {
        ("signature", "index"), ("signature", PLATFORM), ("spdxjson", PLATFORM), ("cyclonedx", PLATFORM),
        ("slsaprovenance1", "index"),
    }, "in a rehearsal nobody demands a scan"  # fmt: skip
    for text in (":dev: signature: ", ":dev: slsaprovenance1: ", ":bare: signature: ", ":v9.9.9 does not exist"):
        assert text in said
    assert "it was not signed with this key" in said


def test_tags_that_name_something_else_than_the_record_says(shop: Small) -> None:
    index, tags = shop.registry.digest("web", "dev"), ("dev", "v1.0.0")
    moved(shop, "kept", "dev")
    try:
        for tag in tags:
            moved(shop, tag, "bare")
        (item,), said = verified(shop, "--record", str(shop.root / "dist/release.json"), code=10)
    finally:
        for tag in tags:
            moved(shop, tag, "kept")
        shop.registry.regctl("tag", "rm", f"{name(shop)}:kept")
    assert {check for check, one in outcomes(item).items() if one == "refused"} == {("tag", tag) for tag in tags}
    assert f"tag: names {shop.registry.digest('web', 'bare')}, and the record" in said
    assert [shop.registry.digest("web", tag) for tag in tags] == [index] * 2


def test_another_digest_than_the_record_s(shop: Small) -> None:
    record = str(shop.root / "dist/release.json")
    _, said = verified(shop, "web:bare", "--record", record, code=10)
    assert f"record: {shop.registry.digest('web', 'bare')}, and the record" in said


def test_a_platform_that_is_missing(shop: Small) -> None:
    config = shop.root / "sealift.yaml"
    before = config.read_text()
    try:
        config.write_text(json.dumps(json.loads(before) | {"platforms": [PLATFORM, "linux/arm64"]}))
        (item,), said = verified(shop, "web:dev", code=10)
    finally:
        config.write_text(before)
    assert outcomes(item)["platforms", "index"] == "refused"
    assert ":dev: platforms: no image for linux/arm64" in said


def test_a_scan_that_is_too_old(shop: Small) -> None:
    shop.prepared = [tomorrow]
    try:
        (item,), said = verified(shop, "web:dev", "--max-scan-age", "2h", code=10)
        (young,), _ = verified(shop, "web:dev", "--max-scan-age", "3d")
    finally:
        shop.prepared = []
    assert outcomes(item)["scan age", PLATFORM] == "refused"
    assert outcomes(young)["scan age", PLATFORM] == "ok"
    assert "scan age: scanned " in said
    assert "at most 2 hours are allowed" in said


def test_an_image_of_others(shop: Small, tmp_path: Path) -> None:
    pair = make_pair(shop, tmp_path / "others")
    theirs = f"{REGISTRY}/{shop.registry.prefix}others/app"
    copied = shop.registry.regctl("image", "copy", f"{name(shop)}:dev", f"{theirs}:1")
    assert copied.returncode == 0, copied.stderr
    _, said = verified(shop, f"{theirs}:1", "--key", str(pair / "cosign.pub"), code=10)
    assert "no signatures found" in said or "signature" in said
    digest = shop.registry.digest("web", "dev")
    signed = run(
        ["cosign", "sign", f"--key={pair / 'cosign.key'}", "--use-signing-config=false", "--tlog-upload=false", "--yes",
         f"{theirs}@{digest}"],
        env={**shop.env, "COSIGN_PASSWORD": (pair / "cosign.password").read_text()},
    )  # fmt: skip
    assert signed.returncode == 0, signed.stderr
    (item,), _ = verified(shop, f"{theirs}:1", "--key", str(pair / "cosign.pub"))
    assert outcomes(item) == {("signature", "index"): "ok"}
    assert item["signed_by"][0]["key"] == key(pair)
    shop.delete("others/app")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("web:nothing",), 5, ":nothing does not exist"),
        (("wob:dev",), 3, "no such service: 'wob'; did you mean 'web'?"),
        (("web",), 3, "'web' says no tag and no digest"),
        (("example/app:1",), 3, "does not say its registry"),
        (("web:dev", "--tag", "dev"), 2, "IMAGE and --tag say in two ways which images are meant"),
        (("--issuer", "https://example.com"), 2, "--issuer says who vouches for an --identity"),
        (("--key", "sealift.yaml"), 3, "sealift.yaml: no public key in PEM"),
        (("--max-scan-age", "2"), 2, "expected hours or days, such as 48h or 7d"),
        (("--release", "v7.0.0"), 5, "no release record v7.0.0"),
    ],
)
def test_what_cannot_be_meant(shop: Small, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = shop.sealift("verify", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
