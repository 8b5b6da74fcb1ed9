"""A key management service on the loopback: local-kms, behind TLS, which Cosign asks of Amazon's.

https://github.com/nsmithuk/local-kms: its keys and signatures are real, its API is that part of Amazon's which signs.
"""

from __future__ import annotations

import os
import secrets
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import botocore.session
import httpx
from botocore.exceptions import BotoCoreError

from ci.local.machine import make_setup
from ci.local.toolchain import LOCAL_KMS, tool_folder
from tests.faults.peers import free_port
from tests.faults.programs import eventually
from tests.faults.serving import serving


@dataclass(frozen=True, kw_only=True)
class Kms:
    """:param key: its address, as Cosign has it.

    :param environment: variables by which Amazon's clients come to it.
    :param asked: the operations that it was asked for.
    """

    key: str
    environment: dict[str, str]
    asked: list[str]


class _Front(ThreadingHTTPServer):
    """TLS in front of the service at `upstream`."""

    daemon_threads = True

    def __init__(self, upstream: str, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.asked = upstream, list[str]()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Front

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.headers["X-Amz-Target"].rpartition(".")[2])
        answer = httpx.post(self.server.upstream, content=body, headers=dict(self.headers), trust_env=False)
        self.send_response(answer.status_code)
        for name in ("Content-Type", "Content-Length"):
            self.send_header(name, answer.headers[name])
        self.end_headers()
        self.wfile.write(answer.content)


@contextmanager
def kms(folder: Path) -> Iterator[Kms]:
    """A KMS with the key `alias/release`, until the block ends.

    :param folder: receives its data and its certificate.
    """
    port, key = free_port(), secrets.token_hex(20)
    program = tool_folder(make_setup(os.environ, print), LOCAL_KMS) / "local-kms"
    process = subprocess.Popen(
        [program],
        env={"PORT": str(port), "KMS_REGION": "us-east-1", "KMS_DATA_PATH": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with serving(_Front(f"http://127.0.0.1:{port}/", _certificate(folder))) as front:
            assert eventually(lambda: _made(port, key)), "the KMS does not answer"
            yield Kms(
                key=f"awskms://localhost:{front.server_port}/alias/release",
                environment={
                    "AWS_ACCESS_KEY_ID": "tests",
                    "AWS_SECRET_ACCESS_KEY": key,
                    "AWS_REGION": "us-east-1",
                    "AWS_TLS_INSECURE_SKIP_VERIFY": "1",
                },
                asked=front.asked,
            )
    finally:
        process.terminate()
        process.wait(timeout=10)


def _made(port: int, key: str) -> bool:
    """Whether it has made the key: it answers."""
    client = botocore.session.Session().create_client(
        "kms",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="tests",
        aws_secret_access_key=key,
    )
    try:
        made = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    except BotoCoreError:
        return False
    client.create_alias(AliasName="alias/release", TargetKeyId=made)
    return True


def _certificate(folder: Path) -> Path:
    """Key and certificate in one file."""
    key, certificate = folder / "tls.key", folder / "tls.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days=2",
         "-subj=/CN=localhost", f"-keyout={key}", f"-out={certificate}"],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "tls.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return both
