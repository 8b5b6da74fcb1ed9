"""Tokens as registries take them (CNCF Distribution, "Token Authentication Specification")."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

LEEWAY = 60
"""Seconds for which CNCF Distribution still takes a token that has expired (its registry/auth/token)."""


def authority(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost, that is its own authority, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run(command, check=True, capture_output=True)
    return made


def signed(files: tuple[Path, Path], claims: Mapping[str, object]) -> str:
    """A token with these claims, signed with the key of a certificate that is in it.

    :param files: certificate and key, as `authority` makes them.
    """
    certificate, key = files
    der = "".join(line for line in certificate.read_text().splitlines() if "-----" not in line)
    header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
    text = b".".join(_encoded(json.dumps(part).encode()) for part in (header, dict(claims)))
    command = ["openssl", "dgst", "-sha256", "-sign", str(key)]
    signature = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    return (text + b"." + _encoded(signature)).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
