"""Toxiproxy in front of a registry: what happens to connections, below HTTP.

https://github.com/Shopify/toxiproxy, built from its Go module as all tools are, and told what to do over its HTTP API.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from ci.local.machine import make_setup
from ci.local.toolchain import TOXIPROXY, tool_folder
from tests.faults.peers import free_port
from tests.faults.programs import eventually


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A way to a registry that can be made bad."""

    api: str
    port: int

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    @contextmanager
    def bad(self, kind: str, stream: str, **attributes: int) -> Iterator[None]:
        """Until the block ends, this toxic is on the wire.

        :param kind: `limit_data`, `reset_peer`, `timeout`, `latency`, `bandwidth`, `slicer`.
        :param stream: `upstream`, what the client sends, or `downstream`, what it is answered.
        """
        toxic = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        httpx.post(f"{self.api}/proxies/wire/toxics", json=toxic, trust_env=False).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(f"{self.api}/proxies/wire/toxics/{kind}", trust_env=False).raise_for_status()


@contextmanager
def wire(upstream: str) -> Iterator[Wire]:
    """A good wire to `host:port`, until the block ends."""
    api, port = free_port(), free_port()
    binary = tool_folder(make_setup(os.environ, print), TOXIPROXY) / "server"
    process = subprocess.Popen(
        [binary, "-host", "127.0.0.1", "-port", str(api)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "LOG_LEVEL": "error"},
    )
    made = Wire(api=f"http://127.0.0.1:{api}", port=port)
    proxy = {"name": "wire", "listen": f"127.0.0.1:{port}", "upstream": upstream.replace("localhost", "127.0.0.1")}

    def up() -> bool:
        try:
            return httpx.post(f"{made.api}/proxies", json=proxy, trust_env=False).status_code == 201
        except httpx.TransportError:
            return False

    try:
        assert eventually(up), "toxiproxy does not answer"
        yield made
    finally:
        process.terminate()
        process.wait(timeout=30)
