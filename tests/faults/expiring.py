"""A registry that takes short-lived tokens, as the hosted ones do (distribution/distribution, spec/auth/token)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.faults.jwt import LEEWAY, authority, signed
from tests.faults.peers import Peer, distribution
from tests.faults.relay import Answer, Asked, Fault, Relay, relay

SERVICE = "registry.test"


@dataclass
class Tokens:
    """Makes tokens that the registry takes for `life` seconds, for whatever is asked.

    :param given: those that were, with the time at which each stops to be taken.
    """

    files: tuple[Path, Path]
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
        times = {"iat": int(now - 600), "nbf": int(now - 600), "exp": int(now - LEEWAY + self.life)}
        return signed(self.files, {**claims, **times})

    def answer(self, asked: Asked) -> Fault:
        """The answer to a request for a token; None for every other request."""
        url = urlsplit(asked.path)
        if url.path != "/token":
            return None
        token = self.token(parse_qs(url.query).get("scope", []))
        body = {"token": token, "access_token": token, "expires_in": 60}
        return Answer(status=200, body=json.dumps(body), headers={"Content-Type": "application/json"})


@contextmanager
def token_registry(folder: Path, life: float) -> Iterator[tuple[Peer, Relay, Tokens]]:
    """A registry behind a relay; who asks without a token is sent to the relay's `/token`.

    The relay's name in that is the one that it was asked by: tools in the engine have another for it than the command.
    """
    files = authority(folder)
    tokens = Tokens(files=files, life=life)
    with relay(tokens.answer) as server:
        auth = {
            "token": {
                "realm": "token",
                "autoredirect": True,
                "autoredirectpath": "/token",
                "service": SERVICE,
                "issuer": "test",
                "rootcertbundle": str(files[0]),
                "signingalgorithms": ["RS256"],
            }
        }
        with distribution(folder / "registry", auth=auth) as peer:
            server.upstream = peer.address
            yield peer, server, tokens
