"""Admission policies, judged by the policy engines' own command-line tools on images in a real registry."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml

from tests.faults.peers import Peer
from tests.integration.policy_engines import kyverno, policy_controller
from tests.integration.shop import LEGACY, Shop
from tests.integration.tuf_repository import served
from tests.sigstore.cosign import Cosign
from tests.sigstore.instance import Sigstore

SPDX, PROVENANCE = {"spdxVersion": "SPDX-2.3"}, {"buildDefinition": {"buildType": "https://example.com/build"}}
UNSIGNED = "the image has no signature of those whose signatures count"
IMAGES = ("good", "proven", "unsigned", "other-key", "sbom-only")


@pytest.fixture(scope="module")
def shop(peer: Peer, cosign: Cosign, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(registry=peer, cosign=cosign, folder=tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def keyed(shop: Shop) -> dict[str, str]:
    """Name → image by digest, each signed in its own way, or not, with keys."""
    images = {name: shop.image(name) for name in IMAGES}
    for name in ("good", "proven"):
        shop.sign(images[name], "ours")
    shop.attest(images["proven"], "ours", "slsaprovenance1", PROVENANCE)
    shop.sign(images["other-key"], "theirs")
    shop.attest(images["sbom-only"], "ours", "spdxjson", SPDX)
    return images


def written(shop: Shop, folder: str, *arguments: str, key: str = "ours", **given: object) -> Path:
    """Kyverno's file, as the command writes it for our images and that key."""
    public = {"SIGNING_PUBLIC_KEY": f"file://{shop.public(key)}"}
    flags = arguments or ("--no-provenance",)
    done = shop.policies(folder, given.pop("services", IMAGES), *flags, **given, **public)  # type: ignore[arg-type]
    assert done.code == 0, done.err
    return shop.folder / folder / "kyverno.yaml"


def test_kyverno_takes_what_our_key_has_signed_and_nothing_else(shop: Shop, keyed: dict[str, str]) -> None:
    file = written(shop, "key")
    for name in ("good", "proven"):
        verdict = kyverno(file, keyed[name])
        assert verdict.takes, verdict.said
    for name in ("unsigned", "other-key", "sbom-only"):
        verdict = kyverno(file, keyed[name])
        assert not verdict.takes
        assert UNSIGNED in verdict.said
    # Which is more than Cosign asks for: to it, an SBOM of ours is a signature.
    known = (f"--key={shop.public('ours')}", "--insecure-ignore-tlog=true")
    assert shop.cosign.run("verify", *known, keyed["sbom-only"]).returncode == 0
    theirs = kyverno(written(shop, "theirs", key="theirs"), keyed["good"])
    assert UNSIGNED in theirs.said


def test_kyverno_looks_at_every_container_and_reads_references_as_a_puller_does(
    shop: Shop, keyed: dict[str, str]
) -> None:
    file = written(shop, "key")
    assert UNSIGNED in kyverno(file, keyed["good"], keyed["unsigned"]).said
    assert UNSIGNED in kyverno(file, keyed["good"], init=[keyed["unsigned"]]).said
    repository, _, digest = keyed["unsigned"].partition("@")
    assert UNSIGNED in kyverno(file, f"{repository}:v1@{digest}").said
    assert "does not have a digest" in kyverno(file, f"{keyed['good'].partition('@')[0]}:v1").said
    # Kyverno's own client speaks TLS to a host in capitals, and fails: what matters is that the image is one of ours.
    assert not kyverno(file, keyed["unsigned"].replace("localhost", "LOCALHOST")).takes
    assert kyverno(file, "localhost:1/other/image:v1").takes


def test_kyverno_wants_provenance_too(shop: Shop, keyed: dict[str, str]) -> None:
    file = written(shop, "proven", "--everything")
    verdict = kyverno(file, keyed["proven"])
    assert verdict.takes, verdict.said
    assert "nothing of the type https://slsa.dev/provenance/v1 is attested" in kyverno(file, keyed["good"]).said
    assert UNSIGNED in kyverno(file, shop.image("no-service-of-ours")).said


def test_kyverno_itself_knows_every_field(shop: Shop, keyed: dict[str, str]) -> None:
    file = written(shop, "fields", "--no-provenance", "--pull-secret=regcred")
    text = file.read_text()
    assert "Applying 2 policy rule(s)" in kyverno(file, keyed["good"]).said
    file.write_text(text.replace("failurePolicy:", "failurePolicies:"))
    assert "Applying 0 policy rule(s)" in kyverno(file, keyed["good"]).said


def test_a_keys_signatures_in_the_older_format_are_for_both(shop: Shop) -> None:
    images = {name: shop.image(f"older-{name}") for name in ("good", "unsigned", "other-key")}
    shop.sign(images["good"], "ours", LEGACY)
    shop.sign(images["other-key"], "theirs", LEGACY)
    services = tuple(f"older-{name}" for name in images)
    file = written(shop, "older", services=services, signing={"format": "legacy"})
    assert [name for name in images if kyverno(file, images[name]).takes] == ["good"]
    other = file.with_name("policy-controller.yaml")
    assert [name for name in images if policy_controller(other, images[name]).takes] == ["good"]
    assert "no signatures found" in policy_controller(other, images["unsigned"]).said
    assert "is uncovered by policy" in policy_controller(other, "localhost:1/other/image:v1").said


def keyless(shop: Shop, sigstore: Sigstore, name: str, signing_config: Path) -> dict[str, str]:
    """Signed by the right identity, at another ref, by another issuer, and not at all."""
    images = {kind: shop.image(f"{name}-{kind}") for kind in ("good", "ref", "issuer", "unsigned")}
    tokens = {
        "good": sigstore.token(),
        "ref": sigstore.token(ref="refs/heads/evil"),
        "issuer": sigstore.token(iss=sigstore.issuer.enterprise),
    }
    for kind, token in tokens.items():
        done = shop.cosign.sign(images[kind], token=token, signing_config=signing_config)
        assert done.returncode == 0, done.stderr
    return images


def render(shop: Shop, sigstore: Sigstore, name: str, root: Path) -> str:
    """Policies that trust two identities, of which one signs: a release's, whatever its version. What was said."""
    (shop.folder / "trusted_root.json").write_bytes(root.read_bytes())
    subjects = (
        sigstore.identity.replace("release.yml", "nightly.yml"),
        sigstore.identity.replace("v1.0.0", "{version}"),
    )
    signing = {
        "method": "keyless",
        "identities": [{"issuer": sigstore.issuer.url, "subject": subject} for subject in subjects],
        "trusted_root": "trusted_root.json",
        "fulcio": sigstore.fulcio.url, "rekor": sigstore.rekor.url, "timestamp": sigstore.tsa.url,
    }  # fmt: skip
    services = [f"{name}-{kind}" for kind in ("good", "ref", "issuer", "unsigned")]
    done = shop.policies(name, services, "--no-provenance", signing=signing)
    assert done.code == 0, done.err
    return done.err


def unlogged(shop: Shop, sigstore: Sigstore) -> Path:
    """A signing config by which signatures get a timestamp, and no entry in a log."""
    config = json.loads(sigstore.signing_config.read_text())
    path = shop.folder / "unlogged.json"
    path.write_text(json.dumps({name: value for name, value in config.items() if not name.startswith("rekor")}))
    return path


def test_kyverno_wants_the_identity_exactly_and_the_log(shop: Shop, sigstore: Sigstore) -> None:
    images = keyless(shop, sigstore, "logged", sigstore.signing_config)
    said = render(shop, sigstore, "logged", sigstore.trusted_root)
    assert "policy-controller is left out: it cannot check a trusted root's log of certificates" in said
    file = shop.folder / "logged/kyverno.yaml"
    # It asks Sigstore's public TUF repository before it takes the policy's trusted root; from here it cannot.
    assert UNSIGNED in kyverno(file, images["good"]).said
    # What stands in for that one knows nothing of our services.
    target = shop.folder / "public/trusted_root.json"
    target.parent.mkdir()
    target.write_bytes(sigstore.replaced_root().read_bytes())
    with served(shop.folder / "tuf", target) as (mirror, root):
        answering(file, mirror, root)
        verdicts = {kind: kyverno(file, image) for kind, image in images.items()}
        assert [kind for kind, verdict in verdicts.items() if verdict.takes] == ["good"], verdicts["good"].said
        stamped = keyless(shop, sigstore, "unlogged", unlogged(shop, sigstore))
        render(shop, sigstore, "unlogged", sigstore.trusted_root)
        file = shop.folder / "unlogged/kyverno.yaml"
        answering(file, mirror, root)
        assert UNSIGNED in kyverno(file, stamped["good"]).said


def answering(file: Path, mirror: str, root: bytes) -> None:
    """Have Kyverno ask a TUF repository that answers."""
    objects = list(yaml.safe_load_all(file.read_text()))
    for attestor in (one for item in objects for one in item["spec"]["attestors"]):
        attestor["cosign"]["tuf"] = {"mirror": mirror, "root": {"data": base64.b64encode(root).decode()}}
    file.write_text(yaml.safe_dump_all(objects))


def test_policy_controller_wants_the_identity_exactly_and_a_timestamp(shop: Shop, sigstore: Sigstore) -> None:
    images = keyless(shop, sigstore, "stamped", unlogged(shop, sigstore))
    said = render(shop, sigstore, "stamped", sigstore.root_without_certificate_log())
    assert "policy-controller cannot read entries of Rekor v2" in said
    file = shop.folder / "stamped/policy-controller.yaml"
    verdicts = {kind: policy_controller(file, image) for kind, image in images.items()}
    assert [kind for kind, verdict in verdicts.items() if verdict.takes] == ["good"], verdicts["good"].said
    assert "no matching CertificateIdentity found" in verdicts["ref"].said
    # As it was said: Rekor v2 is nothing to it.
    done = shop.cosign.sign(images["unsigned"])
    assert done.returncode == 0, done.stderr
    assert "no valid bundles exist" in policy_controller(file, images["unsigned"]).said
    replaced = json.loads(sigstore.replaced_root().read_text())
    root = shop.folder / "replaced.json"
    root.write_text(json.dumps({name: value for name, value in replaced.items() if name != "ctlogs"}))
    render(shop, sigstore, "stamped", root)
    assert not policy_controller(file, images["good"]).takes
