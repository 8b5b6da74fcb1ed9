"""Signatures without a key, made and checked with the real services."""

from __future__ import annotations

from pathlib import Path

from tests.faults.programs import programs
from tests.faults.relay import Answer, relay
from tests.sigstore.cosign import Cosign, error
from tests.sigstore.instance import identity_of
from tests.sigstore.instance import sigstore as another_sigstore

SBOM = "https://example.com/sbom"


def test_a_signature_verifies_with_exact_identity_and_issuer(cosign: Cosign, signed: str) -> None:
    exact = ("--certificate-github-workflow-repository=acme/shop", "--certificate-github-workflow-ref=refs/tags/v1.0.0")
    done = cosign.verify(signed, *exact)
    assert done.returncode == 0, done.stderr


def test_of_a_large_attestation_the_log_has_the_hash_alone(cosign: Cosign, image: str, tmp_path: Path) -> None:
    """Rekor takes requests of 4 MiB, unless it is told otherwise.

    The log's own files grow by up to some hundred kilobytes, by how many entries are in it already.
    """
    predicate = tmp_path / "sbom.json"
    predicate.write_text(f'{{"packages": "{"x" * 20_000_000}"}}')
    log = cosign.sigstore.folder / "log"
    before = sum(file.stat().st_size for file in log.rglob("*") if file.is_file())
    done = cosign.attest(image, predicate, SBOM)
    assert done.returncode == 0, done.stderr
    assert sum(file.stat().st_size for file in log.rglob("*") if file.is_file()) - before < 1_000_000
    done = cosign.verify_attestation(image, SBOM)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 20_000_000


def test_the_old_format_is_without_this_log(cosign: Cosign, image: str) -> None:
    """A signing config makes bundles alone, and without one Cosign speaks to logs of version 1 alone."""
    sigstore = cosign.sigstore
    old = ["--new-bundle-format=false", "--yes"]
    given = {"SIGSTORE_ID_TOKEN": sigstore.token()}
    done = cosign.run("sign", *old, f"--signing-config={sigstore.signing_config}", image, env=given)
    assert error(done).startswith("must provide --new-bundle-format or --bundle where applicable with --signing-config")

    asked = [f"--fulcio-url={sigstore.fulcio.url}", f"--timestamp-server-url={sigstore.tsa.url}/api/v1/timestamp"]
    old += ["--use-signing-config=false", f"--trusted-root={sigstore.trusted_root}", *asked]
    done = cosign.run("sign", *old, f"--rekor-url={sigstore.rekor.url}", image, env=given)
    assert "[POST /api/v1/log/entries][404]" in error(done)

    done = cosign.run("sign", *old, "--tlog-upload=false", image, env=given)
    assert done.returncode == 0, done.stderr
    unlogged = ("--new-bundle-format=false", "--insecure-ignore-tlog", "--use-signed-timestamps")
    assert cosign.verify(image, *unlogged).returncode == 0
    assert error(cosign.verify(image, *unlogged, identity=identity_of("acme/other"))).startswith(
        "no matching signatures"
    )


def test_a_job_gets_its_token_as_from_github(cosign: Cosign, image: str) -> None:
    issuer = cosign.sigstore.issuer
    issuer.job, asked = {"repository": "acme/other"}, len(issuer.asked)
    try:
        done = cosign.sign(image, env=issuer.environment())
    finally:
        issuer.job = {}
    assert done.returncode == 0, done.stderr
    assert [audience for audience, _ in issuer.asked[asked:]] == ["sigstore"]
    assert cosign.verify(image, identity=identity_of("acme/other")).returncode == 0
    # Whoever has not the job's secret gets none.
    stranger = {**issuer.environment(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "guessed"}
    assert cosign.sign(image, env=stranger).returncode != 0
    assert len(issuer.asked) == asked + 1


def test_the_services_may_be_asked_under_other_names(cosign: Cosign, image: str) -> None:
    """As containers in the engine do. The log's own name in the trusted root stays as it is."""
    sigstore = cosign.sigstore
    named = {name: f"127.0.0.1:{sigstore.services[name].port}" for name in ("fulcio", "rekor", "tsa")}
    done = cosign.sign(image, signing_config=sigstore.through(**named))
    assert done.returncode == 0, done.stderr
    assert cosign.verify(image).returncode == 0


def test_a_relay_stands_in_front_of_a_service(cosign: Cosign, image: str) -> None:
    answers = iter([Answer(status=503, body="busy")])
    with relay(lambda _: next(answers, None), cosign.sigstore.rekor.address) as server:
        config = cosign.sigstore.through(rekor=server.address)
        said = error(cosign.sign(image, signing_config=config))
        assert said.endswith(": adding rekor v2 entry: unexpected response: 503 busy")
        assert cosign.sign(image, signing_config=config).returncode == 0
    assert cosign.verify(image).returncode == 0


def test_two_at_a_time_have_nothing_in_common(cosign: Cosign, signed: str, image: str, tmp_path: Path) -> None:
    with another_sigstore(tmp_path / "other") as other:
        pids = {service.pid for service in other.services.values()}
        theirs = Cosign(sigstore=other, folder=tmp_path)
        assert theirs.sign(image).returncode == 0
        assert theirs.verify(image).returncode == 0
        assert "not enough verified log entries" in error(theirs.verify(signed, issuer=cosign.sigstore.issuer.url))
    assert not pids & {program.pid for program in programs()}
