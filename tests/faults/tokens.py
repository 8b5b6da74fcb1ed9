"""A token server as registries have one beside them (CNCF Distribution, "Token Authentication Specification")."""

from __future__ import annotations

import base64
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.faults.jwt import signed
from tests.faults.serving import JsonHandler, serving


class Tokens(ThreadingHTTPServer):
    """Gives tokens for what is asked, to whoever knows the password; writing only to those who may write."""

    daemon_threads = True

    def __init__(self, files: tuple[Path, Path], login: tuple[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.certificate, self.key = files
        self.login = login
        self.seconds = 300
        self.may_push = True
        self.given: list[str] = []
        self.refused = 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def realm(self) -> str:
        return f"https://localhost:{self.server_port}/token"

    @property
    def auth(self) -> dict[str, object]:
        """What a registry's configuration says of it."""
        bundle = {"rootcertbundle": str(self.certificate)}
        return {"token": {"realm": self.realm, "service": "test-registry", "issuer": "test-issuer", **bundle}}

    def token(self, service: str, scopes: list[str]) -> str:
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = [action for action in actions.split(",") if self.may_push or action == "pull"]
            access.append({"type": kind, "name": name, "actions": allowed})
        claims = {
            "iss": "test-issuer", "sub": self.login[0], "aud": service, "jti": secrets.token_hex(8), "access": access,
            "iat": now - 3600, "nbf": now - 3600, "exp": now + self.seconds,
        }  # fmt: skip
        return signed((self.certificate, self.key), claims)


class _Handler(JsonHandler):
    server: Tokens

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        expected = base64.b64encode(":".join(self.server.login).encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self.server.refused += 1
            self.say(401, {"details": "incorrect username or password"})
            return
        scopes = query.get("scope", [])
        self.server.given.append(" ".join(scopes))
        self.say(200, {"token": self.server.token(query["service"][0], scopes)})


@contextmanager
def tokens(files: tuple[Path, Path], login: tuple[str, str]) -> Iterator[Tokens]:
    """The server, until the block ends."""
    with serving(Tokens(files, login)) as made:
        yield made
