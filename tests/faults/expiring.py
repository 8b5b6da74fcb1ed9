"""A registry that takes short-lived tokens, as the hosted ones do (distribution/distribution, spec/auth/token)."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.faults.peers import Peer, distribution
from tests.faults.relay import Answer, Asked, Fault, Relay, relay

SERVICE = "registry.test"
_LEEWAY = 60
"""Seconds for which the registry takes a token that has expired (its registry/auth/token)."""


@dataclass
class Tokens:
    """Makes tokens that the registry takes for `life` seconds, for whatever is asked.

    :param given: those that were, with the time at which each stops to be taken.
    """

    key: Path
    certificate: str
    life: float
    given: list[float] = field(default_factory=list)

    def token(self, scopes: list[str]) -> str:
        now = time.time()
        self.given.append(now + self.life)
        access = [
            {"type": kind, "name": name, "actions": actions.split(",")}
            for kind, name, actions in (scope.split(":") for scope in " ".join(scopes).split())
        ]
        claims = {"iss": "test", "sub": "porter", "aud": SERVICE, "access": access, "jti": secrets.token_hex(8)}
        times = {"iat": int(now - 600), "nbf": int(now - 600), "exp": int(now - _LEEWAY + self.life)}
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.certificate]}
        signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps({**claims, **times}).encode())}"
        done = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), capture_output=True, check=True
        )
        return f"{signed}.{_encoded(done.stdout)}"

    def answer(self, asked: Asked) -> Fault:
        """The answer to a request for a token; None for every other request."""
        url = urlsplit(asked.path)
        if url.path != "/token":
            return None
        token = self.token(parse_qs(url.query).get("scope", []))
        body = {"token": token, "access_token": token, "expires_in": 60}
        return Answer(status=200, body=json.dumps(body), headers={"Content-Type": "application/json"})


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def token_registry(folder: Path, life: float) -> Iterator[tuple[Peer, Relay, Tokens]]:
    """A registry behind a relay; who asks without a token is sent to the relay's `/token`.

    The relay has that name among the tools in the engine: nothing else on this machine's loopback can be reached there.
    """
    folder.mkdir(parents=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-subj", "/CN=test", "-days", "2"],
        check=True, capture_output=True,
    )  # fmt: skip
    tokens = Tokens(key=key, certificate="".join(certificate.read_text().splitlines()[1:-1]), life=life)
    with relay(tokens.answer) as server:
        port = server.server_port
        auth = {
            "token": {
                "realm": f"http://loopback-{port}:{port}/token",
                "service": SERVICE,
                "issuer": "test",
                "rootcertbundle": str(certificate),
                "signingalgorithms": ["RS256"],
            }
        }
        with distribution(folder / "registry", auth=auth) as peer:
            server.upstream = peer.address
            yield peer, server, tokens
