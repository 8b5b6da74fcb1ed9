"""What is attested, as Cosign prints it when it has verified it: in-toto statements in DSSE envelopes. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipelines.model import Digest
from pipelines.verification import Signatory

_SECTION = re.compile(r"^Verification for (?P<reference>\S+) --$", re.MULTILINE)
_SUBJECT = re.compile(r"^Certificate subject: (?P<subject>.+)$", re.MULTILINE)
_ISSUER = re.compile(r"^Certificate issuer URL: (?P<issuer>.+)$", re.MULTILINE)
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(?P<body>[^-]+)-----END PUBLIC KEY-----")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """An in-toto statement (in-toto attestation framework, v1).

    :param subjects: digests that it is about.
    """

    subjects: frozenset[Digest]
    predicate_type: str
    predicate: Mapping[str, Any] = field(repr=False)


def read_statements(text: str) -> tuple[Statement, ...]:
    """The statements in what `cosign verify-attestation` prints: a DSSE envelope on each line.

    :raises ValueError: a line is something else.
    """
    return tuple(_statement(line) for line in text.splitlines() if line.strip())


def _statement(line: str) -> Statement:
    try:
        found = json.loads(base64.b64decode(json.loads(line)["payload"], validate=True))
        return Statement(
            subjects=frozenset(Digest(f"sha256:{item['digest']['sha256']}") for item in found["subject"]),
            predicate_type=str(found["predicateType"]),
            predicate=dict(found["predicate"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"no in-toto statement: {error!r}") from error


def about(statements: Iterable[Statement], digest: Digest) -> list[Statement]:
    """Those about one manifest."""
    return [statement for statement in statements if digest in statement.subjects]


def scan_finished(statements: Iterable[Statement]) -> datetime | None:
    """When the newest of these scans ended (Cosign's vulnerability predicate, `metadata.scanFinishedOn`).

    :raises ValueError: one of them does not say so.
    """
    return max((_finished(statement) for statement in statements), default=None)


def _finished(statement: Statement) -> datetime:
    try:
        when = datetime.fromisoformat(statement.predicate["metadata"]["scanFinishedOn"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the attested scan does not say when it ended: {error!r}") from error
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def newest_scan(statements: Iterable[Statement]) -> Statement | None:
    """The scan that ended last.

    :raises ValueError: as `scan_finished`.
    """
    return max(statements, key=_finished, default=None)


def certificates(said: str) -> dict[str, tuple[Signatory, ...]]:
    """Reference → whose certificates verified, by what Cosign says beside it (its `PrintVerification`).

    All that Cosign prints behind a reference's heading is about that reference.
    """
    found: dict[str, tuple[Signatory, ...]] = {}
    parts = _SECTION.split(said)[1:]
    for reference, section in zip(parts[::2], parts[1::2], strict=True):
        subjects, issuers = _SUBJECT.findall(section), _ISSUER.findall(section)
        if len(subjects) == len(issuers):
            pairs = dict.fromkeys(zip(subjects, issuers, strict=True))
            found[reference] = tuple(Signatory(subject=subject, issuer=issuer) for subject, issuer in pairs)
    return found


def fingerprint(public: str) -> str:
    """SHA-256 of a public key, PEM, as `openssl pkey -pubin -outform DER | sha256sum` has it.

    :raises ValueError: it is no public key.
    """
    found = _PEM.search(public)
    if found is None:
        raise ValueError("no public key in PEM")
    return hashlib.sha256(base64.b64decode("".join(found["body"].split()), validate=True)).hexdigest()
