"""Each way for a signature without a key to be wrong, and the error that Cosign has for it, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sigstore.cosign import Cosign, error
from tests.sigstore.instance import Sigstore, identity_of
from tests.sigstore.tampering import Document, Image, alter, move, remove

SBOM = "https://example.com/sbom"

# {identity}, {issuer}, {image}, {rekor}, {fulcio} and {tsa} are the test's own.
UNMATCHED = "no matching attestations: "
CLAIM = f"{UNMATCHED}failed to verify certificate identity: no matching CertificateIdentity found, last error: "
UNLOGGED = "failed to verify log inclusion: not enough verified log entries from transparency log: 0 < 1"
UNCERTAIN = "failed to verify signed certificate timestamp: "
UNSIGNED = "no signatures found"
SIGNING = "signing [{image}]: signing digest: signing bundle: error signing bundle: "
REFUSAL = (
    'Fulcio returned 400: {{"code":3, "message":"There was an error processing the identity token", "details":[]}}'
)

# What the verifier expects, of a good signature → why it does not verify.
UNEXPECTED = {
    "wrong identity": (
        {"identity": identity_of("acme/other")},
        CLAIM + f'expected SAN value "{identity_of("acme/other")}", got "{{identity}}"',
    ),
    "wrong issuer": (
        {"issuer": "https://token.actions.githubusercontent.com"},
        CLAIM + 'expected issuer value "https://token.actions.githubusercontent.com", got "{issuer}"',
    ),
    "wrong repository": (
        {"--certificate-github-workflow-repository": "acme/other"},
        CLAIM + 'expected GithubWorkflowRepository to be "acme/other", got "acme/shop"',
    ),
    "wrong ref": (
        {"--certificate-github-workflow-ref": "refs/heads/main"},
        CLAIM + 'expected GithubWorkflowRef to be "refs/heads/main", got "refs/tags/v1.0.0"',
    ),
}

# Claims of who signed → why it does not verify as what the release signs.
OTHERS = {
    "of another repository": (
        {"repository": "acme/other"},
        CLAIM + f'expected SAN value "{{identity}}", got "{identity_of("acme/other")}"',
    ),
    "at another ref": (
        {"ref": "refs/heads/main"},
        CLAIM + f'expected SAN value "{{identity}}", got "{identity_of(ref="refs/heads/main")}"',
    ),
    "of another issuer": (
        {"iss": "{issuer}/enterprise"},
        CLAIM + 'expected issuer value "{issuer}", got "{issuer}/enterprise"',
    ),
}

# What is wrong with a token → what Fulcio says of that in its log; whoever asked is told the same each time.
REFUSED = {
    "expired": ({"seconds": -1}, "token is expired"),
    "of an issuer that it does not know": ({"iss": "{issuer}/unknown"}, "failed to match issuer URL {issuer}/unknown"),
    "for another audience": ({"aud": "https://github.com/acme"}, 'expected audience \\"sigstore\\" got'),
}

# What does not answer → what Cosign says at once. None of the three is asked again.
DOWN = {
    "fulcio": 'Post "http://{fulcio}/api/v2/signingCert": ',
    "rekor": 'adding rekor v2 entry: getting response: Post "http://{rekor}/api/v2/log/entries": ',
    "tsa": 'Post "http://{tsa}/api/v1/timestamp": ',
}


def filled(text: str, sigstore: Sigstore, image: str = "") -> str:
    addresses = {name: sigstore.services[name].address for name in DOWN}
    return text.format(identity=sigstore.identity, issuer=sigstore.issuer.url, image=image, **addresses)


@pytest.mark.parametrize(("given", "expected"), UNEXPECTED.values(), ids=UNEXPECTED)
def test_a_signature_of_somebody_else_than_expected(
    cosign: Cosign, signed: str, given: dict[str, str], expected: str
) -> None:
    options = [f"{name}={value}" for name, value in given.items() if name.startswith("--")]
    others = {name: value for name, value in given.items() if not name.startswith("--")}
    assert error(cosign.verify(signed, *options, **others)) == filled(expected, cosign.sigstore)


@pytest.mark.parametrize(("claims", "expected"), OTHERS.values(), ids=OTHERS)
def test_a_signature_that_somebody_else_made(cosign: Cosign, image: str, claims: dict[str, str], expected: str) -> None:
    said = {name: filled(value, cosign.sigstore) for name, value in claims.items()}
    done = cosign.sign(image, token=cosign.sigstore.token(**said))  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    assert error(cosign.verify(image)) == filled(expected, cosign.sigstore)


@pytest.mark.parametrize(("claims", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_token_that_fulcio_refuses(cosign: Cosign, image: str, claims: dict[str, object], expected: str) -> None:
    sigstore = cosign.sigstore
    claims = {name: filled(value, sigstore) if isinstance(value, str) else value for name, value in claims.items()}
    before = len(sigstore.fulcio.log)
    done = cosign.sign(image, token=sigstore.token(**claims))  # type: ignore[arg-type]
    assert error(done) == filled(SIGNING + REFUSAL, sigstore, image)
    assert filled(expected, sigstore) in sigstore.fulcio.log[before:]
    assert error(cosign.verify(image)) == UNSIGNED


@pytest.mark.parametrize(("name", "expected"), DOWN.items(), ids=DOWN)
def test_a_service_is_down(cosign: Cosign, image: str, signed: str, name: str, expected: str) -> None:
    with cosign.sigstore.services[name].down():
        said, _, reason = error(cosign.sign(image)).partition("dial tcp ")
        assert said == filled(SIGNING + expected, cosign.sigstore, image)
        assert reason.endswith(": connect: connection refused")
        # Nothing is half signed, and what is signed verifies all the same: that asks nobody.
        assert error(cosign.verify(image)) == UNSIGNED
        assert cosign.verify(signed).returncode == 0
    assert cosign.sign(image).returncode == 0
    assert cosign.verify(image).returncode == 0


def test_the_trust_root_was_replaced(cosign: Cosign, image: str, signed: str) -> None:
    root = cosign.sigstore.replaced_root()
    assert error(cosign.verify(signed, trusted_root=root)) == UNMATCHED + UNLOGGED
    # Who signs sees it before anything is pushed.
    assert error(cosign.sign(image, trusted_root=root)) == filled(SIGNING, cosign.sigstore, image) + UNLOGGED
    assert error(cosign.verify(image)) == UNSIGNED


def test_the_trust_root_knows_no_log_of_certificates(cosign: Cosign, signed: str) -> None:
    root = cosign.sigstore.root_without_certificate_log()
    said = "only able to verify 0 SCT entries; unable to meet threshold of 1"
    assert error(cosign.verify(signed, trusted_root=root)) == UNMATCHED + UNCERTAIN + said
    assert cosign.verify(signed, "--insecure-ignore-sct", trusted_root=root).returncode == 0


def test_signatures_that_were_removed_or_moved(cosign: Cosign, image: str) -> None:
    cosign.sign(image)
    other = cosign.image(Image(image).repository)
    assert error(cosign.verify(other)) == UNSIGNED
    move(Image(image), Image(other))
    said = "failed to verify signature: provided artifact digest does not match any digest in statement"
    assert error(cosign.verify(other)) == UNMATCHED + said
    assert cosign.verify(image).returncode == 0
    remove(Image(image))
    assert error(cosign.verify(image)) == UNSIGNED


def test_attestations_of_another_type_or_altered(cosign: Cosign, image: str, tmp_path: Path) -> None:
    predicate = tmp_path / "sbom.json"
    predicate.write_text('{"packages": ["openssl"]}')
    done = cosign.attest(image, predicate, SBOM)
    assert done.returncode == 0, done.stderr
    assert cosign.verify_attestation(image, SBOM).returncode == 0
    said = (
        "none of the attestations matched the predicate type: https://example.com/scan, found: https://example.com/sbom"
    )
    assert error(cosign.verify_attestation(image, "https://example.com/scan")) == said

    def without_packages(statement: Document) -> None:
        statement["predicate"]["packages"] = []

    alter(Image(image), without_packages)
    said = "failed to verify log inclusion: verifying log entry: verifying inclusion: calculated root:"
    assert error(cosign.verify_attestation(image, SBOM)) == UNMATCHED + said
