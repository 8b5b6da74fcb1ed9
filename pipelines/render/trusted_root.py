"""A Sigstore trusted root (github.com/sigstore/protobuf-specs, `sigstore_trustroot.proto`, as JSON)."""

from __future__ import annotations

from datetime import datetime

from pydantic import Base64Bytes, BaseModel, Field, ValidationError
from pydantic.alias_generators import to_camel

from pipelines.errors import ConfigError


class _Read(BaseModel, alias_generator=to_camel, frozen=True):
    """What else there is, later versions' too, is left alone."""


class Validity(_Read):
    """From when until when."""

    start: datetime | None = None
    end: datetime | None = None


class PublicKey(_Read):
    """As far as it matters here: of which kind it is."""

    key_details: str = ""


class Log(_Read):
    """A transparency log, of signatures or of certificates."""

    base_url: str = ""
    public_key: PublicKey


class Certificate(_Read):
    """DER."""

    raw_bytes: Base64Bytes


class Chain(_Read):
    """The last is the root."""

    certificates: tuple[Certificate, ...] = Field(min_length=1)


class Subject(_Read):
    """Of the certificate authority."""

    organization: str = ""
    common_name: str = ""


class Authority(_Read):
    """One that issues certificates, or timestamps."""

    subject: Subject = Subject()
    uri: str = ""
    cert_chain: Chain
    valid_for: Validity = Validity()


class TrustedRoot(_Read):
    """Whom certificates, logs and timestamps are believed."""

    tlogs: tuple[Log, ...] = ()
    certificate_authorities: tuple[Authority, ...] = Field(min_length=1)
    ctlogs: tuple[Log, ...] = ()
    timestamp_authorities: tuple[Authority, ...] = ()


def read_trusted_root(text: str) -> TrustedRoot:
    """From its JSON.

    :raises ConfigError: it is none, or nothing in it proves when a certificate was used.
    """
    remedy = "'cosign trusted-root create' writes one, from the keys and certificates of your Sigstore"
    try:
        root = TrustedRoot.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"no trusted root: {place}: {first['msg']}", remedy=remedy, step="render") from None
    if not root.tlogs and not root.timestamp_authorities:
        raise ConfigError(
            "the trusted root has no transparency log and no timestamp authority: certificates live for minutes, and"
            " nothing would prove that a signature was made while its certificate was valid",
            remedy=remedy,
            step="render",
        )
    return root
