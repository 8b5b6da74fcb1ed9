"""The secrets of the runs in `stand`, as files and variables that Sealift is told of."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from tests.faults.canaries import Canary, document, password
from tests.scratch import run

TAIL = 48
"""Bytes at the end of an encrypted key: before them is what all keys have."""


def planted(folder: Path, env: Mapping[str, str]) -> dict[str, Canary]:
    """A secret of each kind by its name, which is its file's too; Cosign's key pair is `cosign.key`, `cosign.pub`."""
    folder.mkdir()
    names = ("registry", "wrong-registry", "key-password", "wrong-key-password", "token", "build-token")
    made = {name: password(name) for name in names} | {"build-settings": document("build-settings")}
    made["key"] = _private_key(folder, made["key-password"].text, env)
    for name, canary in made.items():
        (folder / name).write_text(canary.text)
    return made


def variables(folder: Path, canaries: Mapping[str, Canary]) -> dict[str, str]:
    """What a user sets: logins and tokens in variables, the rest in files."""
    return {
        "DOCKER_USERNAME": "porter",
        "DOCKER_PASSWORD": "env://CANARY_REGISTRY",
        "CANARY_REGISTRY": canaries["registry"].text,
        "GITHUB_TOKEN": canaries["token"].text,
        "SIGSTORE_ID_TOKEN": canaries["token"].text,
        "SIGNING_KEY": f"file://{folder / 'cosign.key'}",
        "SIGNING_PASSWORD": f"file://{folder / 'key-password'}",
    }


def _private_key(folder: Path, password: str, env: Mapping[str, str]) -> Canary:
    """An elliptic curve's key: the number that is the secret, what Cosign encrypts the key to, and both files' text."""
    plain = folder / "key"
    assert run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(plain)]).returncode == 0
    command = ["cosign", "import-key-pair", f"--key={plain}", "--output-key-prefix=cosign", "--yes"]
    done = run(command, cwd=folder, env={**env, "COSIGN_PASSWORD": password})
    assert done.returncode == 0, done.stderr
    text = plain.read_text()
    # SEC 1 (RFC 5915): a sequence of the version, 1, and an octet string with the number.
    number = _body(text)[7:39]
    encrypted = (folder / "cosign.key").read_text()
    ciphertext = json.loads(_body(encrypted))["ciphertext"]
    # What follows the number is the public key, which is everywhere; the last line of a frame may be a short one.
    lines = (text.splitlines()[1][12:52], encrypted.splitlines()[-3])
    return Canary(name="key", text=text, marks=(number, *(line.encode() for line in (ciphertext[-TAIL:], *lines))))


def _body(pem: str) -> bytes:
    """What is in the first frame after a frame of parameters, if there is one."""
    lines = pem.splitlines()
    first = max(number for number, line in enumerate(lines) if line.startswith("-----BEGIN")) + 1
    return base64.b64decode("".join(lines[first : lines.index("-----END" + lines[first - 1][10:])]))
