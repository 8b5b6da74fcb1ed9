"""The plain Cosign commands for what was verified."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.commands import commands, script
from pipelines.model import Digest
from pipelines.trust import Trust
from pipelines.verification import Check, Outcome, Signatory, Verified

DIGEST = Digest("sha256:" + "a" * 64)
JOB = Signatory(subject="https://github.com/acme/shop/w.yml@refs/tags/v1", issuer="https://issuer.example.com")
KEY = Signatory(key="ab" * 32)
REFERENCE = f"ghcr.io/acme/web@{DIGEST}"


def verified(who: Signatory, *kinds: str, outcome: Outcome = Outcome.OK) -> Verified:
    checks = tuple(Check(name=kind, about="index", outcome=outcome, digest=DIGEST, signed_by=(who,)) for kind in kinds)
    return Verified(service="web", reference="web:v1", repository="ghcr.io/acme/web", index=DIGEST, checks=checks)


def test_an_identity_is_said_exactly() -> None:
    found = list(commands(verified(JOB, "signature", "vuln"), Trust(root="{}"), insecure=False))
    who = [
        f"--certificate-identity={JOB.subject}",
        f"--certificate-oidc-issuer={JOB.issuer}",
        "--trusted-root=trusted-root.json",
    ]
    assert found == [
        ["cosign", "verify", *who, REFERENCE],
        ["cosign", "verify-attestation", "--type=https://sigstore.dev/cosign/sign/v1", *who, REFERENCE],
        ["cosign", "verify-attestation", "--type=vuln", *who, REFERENCE],
    ]


def test_whose_job_it_has_to_be_is_said() -> None:
    called = replace(JOB, repository="acme/shop", ref="refs/tags/v1")
    (found,) = commands(verified(called, "vuln"), Trust(), insecure=False)
    assert "--certificate-github-workflow-repository=acme/shop" in found
    assert "--certificate-github-workflow-ref=refs/tags/v1" in found


def test_a_key_and_a_registry_in_plain_http() -> None:
    (found,) = commands(verified(KEY, "spdxjson"), Trust(public="PEM"), insecure=True)
    flags = ["--key=cosign.pub", "--insecure-ignore-tlog=true", "--allow-http-registry"]
    assert found == ["cosign", "verify-attestation", "--type=spdxjson", *flags, REFERENCE]


def test_verifiers_of_the_format_before_bundles() -> None:
    (found,) = commands(verified(KEY, "signature"), Trust(public="PEM", legacy=True), insecure=False)
    assert found[:2] == ["cosign", "verify"]
    assert "--new-bundle-format=false" in found


def test_what_was_not_verified_has_no_command() -> None:
    assert not list(commands(verified(KEY, "signature", outcome=Outcome.REFUSED), Trust(public="PEM"), insecure=False))
    assert not list(commands(verified(KEY, "platforms", "scan age"), Trust(public="PEM"), insecure=False))


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("false", 1)])
def test_the_script_has_its_files_and_ends_as_its_commands_do(tmp_path: Path, command: str, code: int) -> None:
    text = script([["cmp", "-s", "cosign.pub", str(tmp_path / "there")], [command]], Trust(public="a $key `id`\n"))
    (tmp_path / "there").write_text("a $key `id`\n")
    assert subprocess.run(["sh", "-c", text], check=False).returncode == code
    assert shlex.split(text.splitlines()[-1]) == [command]
