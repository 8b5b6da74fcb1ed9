"""Keys and certificates of a Sigstore of the tests' own.

They stand in files before anything runs: a service that was down comes back with the key that it had, and a trusted
root for other keys needs no other services.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSWORD = "sigstore"
"""Of the certificate authority's key, which Fulcio wants encrypted."""

START = datetime.now(UTC) - timedelta(hours=1)
"""From when everything here is valid."""
_END = START + timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """PEM files. A chain has the lowest certificate first and the root last."""

    ca_key: Path
    ca_chain: Path
    ct_key: Path
    ct_public: Path
    log_key: Path
    log_public: Path
    tsa_key: Path
    tsa_chain: Path

    @classmethod
    def create(cls, folder: Path) -> Keys:
        """New ones, in a folder that is made."""
        folder.mkdir(parents=True)
        made = cls(**{name: folder / f"{name}.pem" for name in cls.__dataclass_fields__})

        ca = ec.generate_private_key(ec.SECP256R1())
        made.ca_key.write_bytes(_private(ca, BestAvailableEncryption(PASSWORD.encode())))
        made.ca_chain.write_bytes(_pem(_authority("fulcio", ca)))

        certificates = ec.generate_private_key(ec.SECP256R1())
        made.ct_key.write_bytes(_private(certificates, NoEncryption(), PrivateFormat.TraditionalOpenSSL))
        made.ct_public.write_bytes(_public(certificates.public_key()))

        # Ed25519, as the public log has it: its id in trusted roots then holds the log's name too.
        log = ed25519.Ed25519PrivateKey.generate()
        made.log_key.write_bytes(_private(log, NoEncryption()))
        made.log_public.write_bytes(_public(log.public_key()))

        above, stamper = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _authority("timestamps", above)
        made.tsa_key.write_bytes(_private(stamper, NoEncryption()))
        made.tsa_chain.write_bytes(_pem(_stamper(stamper, root, above)) + _pem(root))
        return made


def _authority(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return (
        _certificate(name, _name(name), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _stamper(
    key: ec.EllipticCurvePrivateKey, root: x509.Certificate, above: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """What signs timestamps: its only use, and said to be critical (RFC 3161, 2.3)."""
    return (
        _certificate("timestamps leaf", root.subject, key)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(above, hashes.SHA256())
    )


def _certificate(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(_END)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sealift tests"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _private(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    encryption: KeySerializationEncryption,
    form: PrivateFormat = PrivateFormat.PKCS8,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, encryption)


def _public(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
