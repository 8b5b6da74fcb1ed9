"""An HTTP relay on the loopback, in front of the real registry, that misbehaves where a test tells it to.

It is our own because no well-kept proxy fits. mitmproxy is the one whose rules are Python: its last release for Python
3.11, 11.0.2, needs h11 before 0.16 (which reads malformed chunks as good ones, CVE-2025-43859) and would take httpx in
the product's lock back to it; it cannot be imported beside bcrypt 5, for its passlib is not kept; and later ones need
Python 3.12. Toxiproxy knows nothing of HTTP: faults of connections are its part (`toxic.py`), and a status, a
Retry-After and a strike at the n-th request are this one's.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.faults.serving import serving
from tests.scratch import REGISTRY

CHUNK = 1 << 16
UPLOAD = re.compile(r"/blobs/uploads/")


@dataclass(frozen=True)
class Asked:
    """A request as it came in. `number` counts those before it, over all paths."""

    method: str
    path: str
    number: int

    @property
    def writes(self) -> bool:
        """Whether it would change what the registry holds."""
        return self.method in {"POST", "PATCH", "PUT", "DELETE"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that the registry did not give."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The connection is cut after `after` bytes of the request's body; 0 is before anything is read."""

    after: int = 0


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The registry gets the whole request and acts on it; its answer is not passed on.

    :param after: seconds for which the client hears nothing; then the connection is cut.
    """

    after: float = 0


Fault = Answer | Cut | Lost | None
Rule = Callable[[Asked], Fault]


class Relay(ThreadingHTTPServer):
    """What comes in goes to the real registry, except where the rule has another answer."""

    daemon_threads = True

    def __init__(self, rule: Rule, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rule = rule
        self.upstream = upstream
        self.faults: list[Asked] = []
        self.open = 0
        self._lock = threading.Lock()
        self._number = 0

    @property
    def address(self) -> str:
        return f"localhost:{self.server_port}"

    def decide(self, method: str, path: str) -> Fault:
        """Count the request, and say how it is answered; one at a time, so that rules may count by themselves."""
        with self._lock:
            asked = Asked(method, path, self._number)
            self._number += 1
            fault = self.rule(asked)
            if fault is not None:
                self.faults.append(asked)
            return fault

    def count(self, change: int) -> None:
        """Keep count of the connections that clients hold open."""
        with self._lock:
            self.open += change


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def setup(self) -> None:
        super().setup()
        self.server.count(1)

    def finish(self) -> None:
        self.server.count(-1)
        super().finish()

    def handle(self) -> None:
        # Clients hang up as they like, and faults hang up on them.
        try:
            super().handle()
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what the command said."""

    def _any(self) -> None:
        fault = self.server.decide(self.command, self.path)
        if fault is None:
            self._pass_on()
        elif isinstance(fault, Cut):
            self._cut(fault.after)
        elif isinstance(fault, Lost):
            self._pass_on(lost=True)
            time.sleep(fault.after)
            self._hang_up()
        else:
            self._say(fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def _body(self) -> Iterator[bytes]:
        """The request's body; Go sends one of unknown length in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self._line().split(b";")[0], 16):
                yield self._read(size)
                self._line()
            self._line()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            data = self._read(min(CHUNK, left))
            left -= len(data)
            yield data

    def _read(self, size: int) -> bytes:
        return self._some(self.rfile.read(size))

    def _line(self) -> bytes:
        return self._some(self.rfile.readline())

    def _some(self, data: bytes) -> bytes:
        if not data:
            raise ConnectionResetError("the client is gone in the middle of its body")
        return data

    def _say(self, answer: Answer) -> None:
        for _ in self._body():
            pass
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _cut(self, after: int) -> None:
        body = self._body()
        while after > 0 and (data := next(body, None)) is not None:
            after -= len(data)
        self._hang_up()

    def _hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.close_connection = True

    def _pass_on(self, *, lost: bool = False) -> None:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        # regctl has a line for each kind of manifest that it accepts.
        names = {name.lower() for name in self.headers} - {"transfer-encoding"}
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}
        headers["x-forwarded-proto"] = "http"
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        upstream.request(self.command, self.path, body=self._body(), headers=headers, encode_chunked=chunked)
        answer = upstream.getresponse()
        if lost:
            answer.read()
            upstream.close()
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        while data := answer.read(CHUNK):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if answer.chunked else data)
        if answer.chunked:
            self.wfile.write(b"0\r\n\r\n")
        upstream.close()


@contextmanager
def relay(rule: Rule, upstream: str = REGISTRY) -> Iterator[Relay]:
    """A relay to a registry, `host:port`, that follows the rule, until the block ends."""
    with serving(Relay(rule, upstream)) as made:
        yield made
