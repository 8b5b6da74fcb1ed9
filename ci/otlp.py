"""Takes in the spans that the engine's client exports, on this machine's loopback, for as long as one run lasts."""

from __future__ import annotations

import gzip
import secrets
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_LIMIT = 64 * 2**20
"""Bytes of one request; the engine's client sends a few hundred thousand."""

_SECONDS = 10
"""A client that stops in the middle of a request is not waited for longer."""


class Receiver:
    """An OTLP/HTTP endpoint for traces, as <https://opentelemetry.io/docs/specs/otlp/#otlphttp> says.

    Requests are kept as they came: taking them apart while the run goes on would cost it time.
    """

    def __init__(self) -> None:
        # Other users of this machine can reach the port, but not guess the path.
        self.path = f"/{secrets.token_urlsafe(16)}/v1/traces"
        self.requests: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.path, self.requests))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_TRACES_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def close(self) -> None:
        """Take no more; what came before is in `requests`."""
        self._server.shutdown()
        self._server.server_close()


def _handler(path: str, requests: list[bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _SECONDS

        def do_POST(self) -> None:
            status, body = self._body()
            if status == 200:
                requests.append(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            # An empty answer is a whole one: nothing was refused.
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = status != 200

        def _body(self) -> tuple[int, bytes]:
            if not secrets.compare_digest(self.path.encode(), path.encode()):
                return 404, b""
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > _LIMIT:
                return 413, b""
            body = self.rfile.read(int(length))
            if self.headers.get("Content-Encoding") != "gzip":
                return 200, body
            try:
                return 200, gzip.decompress(body)
            except (OSError, EOFError, zlib.error):
                return 400, b""

        def log_message(self, *_: object) -> None:
            """Standard error is for people."""

    return Handler
