"""Sigstore's services: each a process on the loopback that can be stopped, and started again as it was."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ci.local.locks import locked
from ci.local.machine import make_setup
from ci.local.toolchain import FULCIO, REKOR, TESSERACT, TSA, Tool, tool_folder
from tests.faults.peers import free_port
from tests.sigstore.issuer import Issuer
from tests.sigstore.keys import PASSWORD, Keys

ORIGIN = "localhost"
"""The log's own name."""

_SECONDS = 60
"""How long a service may take to answer, or to end."""


@dataclass(kw_only=True)
class Service:
    """A program that answers HTTP on a port of the loopback.

    :param ready: the path that is answered when it is up.
    """

    name: str
    port: int
    command: Sequence[str]
    ready: str
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        """Its process; 0 while it is stopped."""
        return self._process.pid if self._process else 0

    @property
    def log(self) -> str:
        """What it has said since it was started first."""
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def launch(self) -> None:
        """Start the process; `wait` then sees that it answers."""
        with self._log.open("ab") as log:
            # The variables of the caller are not for it: some of the services take settings from them.
            environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
            self._process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, cwd=self.folder
            )

    def wait(self) -> None:
        """:raises AssertionError: it does not answer; the error has what it said."""
        until = time.monotonic() + _SECONDS
        while self._process and self._process.poll() is None and time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}{self.ready}", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{self.name} does not answer: {self.log}")

    def start(self) -> None:
        self.launch()
        self.wait()

    def stop(self) -> None:
        """End it; nothing if it is not running."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=_SECONDS)
            self._process = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """Until the block ends, nobody answers at its port."""
        self.stop()
        try:
            yield
        finally:
            self.start()


def fulcio(folder: Path, keys: Keys, issuer: Issuer, certificates: Service) -> Service:
    """The certificate authority.

    :param certificates: the log of what it has certified.
    """
    config = folder / "fulcio.json"
    issuers = {
        url: {"IssuerURL": url, "ClientID": "sigstore", "Type": "github-workflow"}
        for url in (issuer.url, issuer.enterprise)
    }
    config.write_text(json.dumps({"OIDCIssuers": issuers}))
    port = free_port()
    # With one port for HTTP and gRPC, this version ends in a panic. Apart, they meet at a socket, which has one name
    # for all instances of a machine unless it is given another.
    command = [
        _program(FULCIO, "fulcio"), "serve", "--host=127.0.0.1", f"--port={port}", "--grpc-host=127.0.0.1",
        f"--grpc-port={free_port()}", f"--legacy-unix-domain-socket=@sealift-fulcio-{port}", "--metrics-port=0",
        f"--ct-log-url={certificates.url}", f"--config-path={config}", "--ca=fileca", f"--fileca-cert={keys.ca_chain}",
        f"--fileca-key={keys.ca_key}", f"--fileca-key-passwd={PASSWORD}", "--fileca-watch=false",
    ]  # fmt: skip
    return Service(name="fulcio", port=port, command=command, ready="/healthz", folder=folder)


def rekor(folder: Path, keys: Keys) -> Service:
    """The log: Rekor v2 on a folder. An entry is answered with its proof when the next checkpoint is written."""
    port = free_port()
    command = [
        _program(REKOR, "posix"), "serve", f"--http-port={port}", f"--grpc-port={free_port()}",
        "--http-metrics-port=0", f"--hostname={ORIGIN}", f"--storage-dir={folder / 'log'}",
        f"--signer-filepath={keys.log_key}", "--checkpoint-interval=200ms", "--batch-max-age=50ms",
    ]  # fmt: skip
    return Service(name="rekor", port=port, command=command, ready="/healthz", folder=folder)


def certificate_log(folder: Path, keys: Keys) -> Service:
    """The log of certificates: without its word (SCT) that it has one, Cosign does not take it."""
    port = free_port()
    command = [
        _program(TESSERACT, "posix"), f"-http_endpoint=127.0.0.1:{port}", f"-origin={ORIGIN}",
        f"-private_key={keys.ct_key}", f"-roots_pem_file={keys.ca_chain}", f"-storage_dir={folder / 'certificates'}",
        "-checkpoint_interval=200ms", "-batch_max_age=50ms", "-enable_publication_awaiter=false",
    ]  # fmt: skip
    return Service(name="ctfe", port=port, command=command, ready="/ct/v1/get-roots", folder=folder)


def timestamps(folder: Path, keys: Keys) -> Service:
    """The timestamp authority."""
    port = free_port()
    command = [_program(TSA, "tsa"), f"-port={port}", f"-key={keys.tsa_key}", f"-chain={keys.tsa_chain}"]
    return Service(name="tsa", port=port, command=command, ready="/ping", folder=folder)


def _program(tool: Tool, name: str) -> str:
    """Built on first use, as the tests' other tools are: a minute or two. One process builds it; others wait."""
    setup = make_setup(os.environ, print)
    with locked(setup.paths.toolchain / f".{tool.name}.lock", setup.report):
        return str(tool_folder(setup, tool) / name)
