"""Admission policies: golden, and exact about whose images and whose signatures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from pipelines.errors import ConfigError
from pipelines.model import Target
from pipelines.render.admission import Admission, guards
from pipelines.render.kyverno import kyverno
from pipelines.render.policy_controller import caution, policy_controller, why_not
from pipelines.trust import Identity, Trust

TARGETS = (Target(registry="ghcr.io", prefix="acme/shop/"), Target(registry="docker.io", prefix="acme/"))
SERVICES = ("api", "web")
KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/shop/.github/workflows/release.yml@refs"
MAIN = Identity(issuer=ISSUER, subject=f"{WORKFLOW}/heads/main")
TAGGED = Identity(issuer=ISSUER, subject=f"{WORKFLOW}/tags/{{version}}")
CERTIFICATE = {"certificates": [{"rawBytes": "MIIB"}]}
LOG = {"baseUrl": "https://rekor.example.com", "publicKey": {"rawBytes": "MCow", "keyDetails": "PKIX_ED25519"}}
AUTHORITY = {
    "subject": {"organization": "acme", "commonName": "ca"},
    "uri": "https://fulcio.example.com",
    "certChain": CERTIFICATE,
}
OVER = {**AUTHORITY, "validFor": {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}}


def root(**changes: object) -> str:
    kept = {"certificateAuthorities": [AUTHORITY], "timestampAuthorities": [AUTHORITY], "tlogs": [LOG], **changes}
    return json.dumps({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", **kept})


def admission(trust: Trust, *, everything: bool = False, **given: Any) -> Admission:
    return Admission(
        name="shop-prod",
        trust=trust,
        guards=guards("shop-prod", trust, TARGETS, SERVICES, everything=everything),
        everything=everything,
        command="sealift render admission --env prod",
        **given,
    )


def policies(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden(
        "admission-key-kyverno.yaml", kyverno(admission(Trust(public=KEY), insecure=True, pull_secrets=("regcred",)))
    )
    legacy = admission(Trust(public=KEY, legacy=True), pull_secrets=("regcred",), attested=("https://example.com/a",))
    golden("admission-key-policy-controller.yaml", policy_controller(legacy))
    public = admission(Trust(identities=(MAIN, TAGGED)), attested=("https://slsa.dev/provenance/v1",))
    golden("admission-keyless-kyverno.yaml", kyverno(public))
    golden("admission-keyless-policy-controller.yaml", policy_controller(public))
    own = admission(Trust(identities=(MAIN,), root=root(), certificates_logged=False))
    golden("admission-own-kyverno.yaml", kyverno(own))
    golden("admission-own-policy-controller.yaml", policy_controller(own))


@pytest.mark.parametrize(
    ("behind", "ours"),
    [("v1.2.3", True), ("v1.3.0-rc.1", True), ("v1.2", False), ("v1.2.3/../main", False), ("v1.2.3 ", False)],
)
def test_a_version_in_an_identity_is_any_version_and_nothing_else(behind: str, ours: bool) -> None:
    (policy, _) = policies(kyverno(admission(Trust(identities=(TAGGED,)))))
    (identity,) = policy["spec"]["attestors"][0]["cosign"]["keyless"]["identities"]
    assert identity["issuer"] == ISSUER
    assert bool(re.search(identity["subjectRegExp"], f"{WORKFLOW}/tags/{behind}")) is ours
    assert not re.search(identity["subjectRegExp"], f"https://evil.example.com/{WORKFLOW}/tags/v1.2.3")
    assert not re.search(identity["subjectRegExp"], f"{WORKFLOW}/tags/v1.2.3".replace(".yml", "xyml"))


def test_an_identity_of_one_service_signs_for_that_one_only() -> None:
    trust = Trust(identities=(Identity(issuer=ISSUER, subject="https://example.com/{service}"),))
    found = policies(policy_controller(admission(trust)))
    assert [item["metadata"]["name"] for item in found] == ["shop-prod-api", "shop-prod-web"]
    for item, service in zip(found, SERVICES, strict=True):
        (authority,) = item["spec"]["authorities"]
        assert authority["keyless"]["identities"] == [{"issuer": ISSUER, "subject": f"https://example.com/{service}"}]
        assert all(f"/{service}" in image["glob"] for image in item["spec"]["images"])
    with pytest.raises(ConfigError, match=r"has a \{service\}"):
        admission(trust, everything=True)


def test_whose_job_it_has_to_be_is_nothing_that_these_policies_could_ask() -> None:
    called = Identity(issuer=ISSUER, subject="https://github.com/acme/ci/r.yml@0", repository="acme/shop")
    with pytest.raises(ConfigError, match="has to be a job of acme/shop: they would take") as caught:
        admission(Trust(identities=(MAIN, called)))
    assert "'sealift verify'" in caught.value.remedy


def test_a_pattern_is_for_the_whole_subject() -> None:
    trust = Trust(identities=(Identity(issuer=ISSUER, subject="https://example.com/.*", pattern=True),))
    (policy,) = policies(policy_controller(admission(trust)))
    (identity,) = policy["spec"]["authorities"][0]["keyless"]["identities"]
    assert identity["subjectRegExp"] == "^(?:https://example.com/.*)$"


def test_images_are_ours_by_every_name_of_the_registry() -> None:
    (policy, _) = policies(kyverno(admission(Trust(public=KEY))))
    said = [item["expression"] for item in policy["spec"]["matchImageReferences"]]
    assert [re.findall(r'== "([^"]+)"', one)[0] for one in said] == [
        "ghcr.io", "index.docker.io", "registry-1.docker.io"
    ]  # fmt: skip
    assert '["acme/api", "acme/web"]' in said[1]
    (all_of_it, _) = policies(kyverno(admission(Trust(public=KEY), everything=True)))
    assert 'startsWith("acme/shop/")' in all_of_it["spec"]["matchImageReferences"][0]["expression"]
    with pytest.raises(ConfigError, match="have no prefix"):
        guards("a", Trust(public=KEY), [Target(registry="ghcr.io")], SERVICES, everything=True)


@pytest.mark.parametrize(
    ("trust", "why"),
    [
        (Trust(public=KEY), "older format only"),
        (Trust(identities=(MAIN,), root=root(ctlogs=[LOG])), "log of certificates"),
        (Trust(identities=(MAIN,), root=root(timestampAuthorities=[])), "without timestamps"),
        (Trust(identities=(MAIN,), root=root(), legacy=True), "with bundles only"),
    ],
)
def test_what_policy_controller_cannot_check_is_no_policy(trust: Trust, why: str) -> None:
    assert why in (why_not(admission(trust)) or "")
    with pytest.raises(ConfigError, match=why):
        policy_controller(admission(trust))
    assert policies(kyverno(admission(trust)))


def test_what_is_not_valid_any_more_is_left_out_of_a_trust_root_that_knows_no_times() -> None:
    trust = Trust(identities=(MAIN,), root=root(certificateAuthorities=[AUTHORITY, OVER]), certificates_logged=False)
    (trust_root, _) = policies(policy_controller(admission(trust)))
    assert len(trust_root["spec"]["sigstoreKeys"]["certificateAuthorities"]) == 1
    assert "Rekor v2" in (caution(admission(trust)) or "")
    assert caution(admission(Trust(identities=(MAIN,)))) is None


@pytest.mark.parametrize(
    "wrong", ["{}", "[]", root(certificateAuthorities=[]), root(tlogs=[], timestampAuthorities=[])]
)
def test_a_trusted_root_by_which_nothing_can_be_checked_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="trusted root"):
        kyverno(admission(Trust(identities=(MAIN,), root=wrong)))


def test_names_that_kubernetes_would_not_take_are_refused() -> None:
    for name in ("Shop", "a" * 60, "-a"):
        with pytest.raises(ConfigError, match="cannot be called"):
            guards(name, Trust(public=KEY), TARGETS, SERVICES, everything=False)
    trust = Trust(identities=(Identity(issuer=ISSUER, subject="https://example.com/{service}"),))
    with pytest.raises(ConfigError, match="a name of its own"):
        guards("shop", trust, TARGETS, ["a-b", "a_b"], everything=False)
