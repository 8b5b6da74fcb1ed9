"""What Cosign prints of what it has verified."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from pipelines.model import Digest
from pipelines.statements import about, certificates, fingerprint, newest_scan, read_statements, scan_finished
from pipelines.verification import Signatory

ONE, TWO = Digest("sha256:" + "1" * 64), Digest("sha256:" + "2" * 64)
SAID = """\

Verification for localhost:5000/web@sha256:1 --
The following checks were performed on each of these signatures:
  - The cosign claims were validated
Certificate subject: https://github.com/acme/shop/w.yml@refs/tags/v1
Certificate issuer URL: https://token.actions.githubusercontent.com
Certificate subject: https://github.com/acme/shop/w.yml@refs/tags/v1
Certificate issuer URL: https://token.actions.githubusercontent.com

Verification for localhost:5000/web@sha256:2 --
  - The signatures were verified against the specified public key
"""
# Made by 'openssl ecparam -name prime256v1 -genkey'; the digest is that of 'openssl pkey -pubin -outform DER'.
PUBLIC = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{}
-----END PUBLIC KEY-----
"""


def line(digest: Digest, predicate: object, kind: str = "https://example.com/kind") -> str:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "web", "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": kind,
        "predicate": predicate,
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []})


def scan(digest: Digest, finished: str) -> str:
    return line(digest, {"metadata": {"scanFinishedOn": finished}})


def test_each_line_is_a_statement_about_its_digests() -> None:
    found = read_statements(f"{line(ONE, {'n': 1})}\n{line(TWO, {'n': 2})}\n\n")
    assert [statement.predicate["n"] for statement in about(found, TWO)] == [2]
    assert found[0].predicate_type == "https://example.com/kind"


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"payload": "%%%"}', line(ONE, None), '{"payload": "e30="}'])
def test_what_is_no_statement(text: str) -> None:
    with pytest.raises(ValueError, match="no in-toto statement"):
        read_statements(text)


def test_the_last_scan_counts() -> None:
    found = read_statements(
        "\n".join(
            [
                scan(ONE, "2026-11-27T10:00:00+00:00"),
                scan(ONE, "2026-11-27T12:30:00+02:00"),
                scan(ONE, "2026-11-27T10:20:00Z"),
            ]
        )
    )
    assert scan_finished(found) == datetime(2026, 11, 27, 10, 30, tzinfo=UTC)
    assert newest_scan(found) == found[1]
    assert scan_finished(()) is None


@pytest.mark.parametrize("predicate", [{}, {"metadata": {"scanFinishedOn": "yesterday"}}, {"metadata": None}])
def test_a_scan_without_a_time_is_none(predicate: object) -> None:
    with pytest.raises(ValueError, match="does not say when it ended"):
        scan_finished(read_statements(line(ONE, predicate)))


def test_who_has_signed_which_reference() -> None:
    who = Signatory(
        subject="https://github.com/acme/shop/w.yml@refs/tags/v1", issuer="https://token.actions.githubusercontent.com"
    )
    assert certificates(SAID) == {"localhost:5000/web@sha256:1": (who,), "localhost:5000/web@sha256:2": ()}


def test_the_fingerprint_is_of_the_key_and_not_of_its_lines() -> None:
    text = PUBLIC.format("A" * 86 + "==")
    assert fingerprint(text) == fingerprint(text.replace("\n", "\r\n"))
    with pytest.raises(ValueError, match="no public key in PEM"):
        fingerprint("-----BEGIN PRIVATE KEY-----")
