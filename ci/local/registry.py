"""CNCF Distribution registries on the loopback: the user's own, and the mirror that the engine pulls from."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from ci.local.processes import Process, identify
from ci.local.setup import Setup
from ci.local.toolchain import REGISTRY, tool_folder
from pipelines.errors import RegistryError

_V2 = "registry/2.0"
"""Value of Docker-Distribution-Api-Version, by which CNCF Distribution tells that it speaks the registry protocol."""

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, for plain HTTP on the loopback: httpx would read all certificate authorities for each request."""


@dataclass(frozen=True)
class Local:
    """:param storage: folder of its blobs.

    :param variable: the environment variable by which the user moves it to another port.
    """

    name: str
    port: int
    storage: Path
    variable: str

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"


def answers(port: int, timeout: float = 2.0) -> bool:
    """Does something on that port of the loopback answer like a registry?"""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/v2/", timeout=timeout, trust_env=False, verify=_NO_TLS)
    except httpx.HTTPError:
        return False
    # Not all registries send the version, but a web server that is none answers with a page (OCI distribution: end-1).
    version = answer.headers.get("docker-distribution-api-version")
    told = _V2 in version if version is not None else "text/html" not in answer.headers.get("content-type", "")
    return answer.status_code in {200, 401} and told


def head_digest(port: int, repository: str, reference: str) -> str | None:
    """The digest that a local registry has for a tag, or None."""
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    try:
        answer = httpx.head(
            f"http://127.0.0.1:{port}/v2/{repository}/manifests/{reference}",
            headers={"Accept": accept},
            timeout=5,
            trust_env=False,
            verify=_NO_TLS,
        )
    except httpx.HTTPError:
        return None
    return answer.headers.get("docker-content-digest") if answer.status_code == 200 else None


def start_registry(setup: Setup, local: Local, pause: Callable[[float], None] = time.sleep) -> Process:
    """Start a registry on the loopback and wait until it answers; RegistryError if the port is taken."""
    check_port(local)
    binary = tool_folder(setup, REGISTRY) / "registry"
    local.storage.mkdir(parents=True, exist_ok=True)
    folder = setup.paths.state / local.name
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    # JSON is YAML, and needs no quoting rules for paths.
    config.write_text(json.dumps(_config(local), indent=1))
    log = folder / "log.txt"
    setup.report(f"starting the {local.name} on {local.address}")
    # Distribution reads OTEL_* and REGISTRY_* variables: the user's are not meant for it.
    environment = {"PATH": setup.environment.get("PATH", ""), "OTEL_TRACES_EXPORTER": "none"}
    pid = setup.runner.spawn([binary, "serve", config], log=log, environment=environment)
    for _ in range(100):
        process = identify(pid)
        if process is None:
            break
        if answers(local.port):
            return process
        pause(0.1)
    raise RegistryError(
        f"the {local.name} did not start:\n{_tail(log)}",
        remedy=f"read its log, {log}; another port is chosen with {local.variable}=PORT",
    )


def check_port(local: Local) -> None:
    """RegistryError if something listens where the registry is to listen."""
    holder = port_holder(local.port)
    if holder is not None:
        kind = "another registry" if answers(local.port) else "which does not answer like a registry"
        raise RegistryError(
            f"port {local.port} for the {local.name} is taken by {holder}, {kind}",
            remedy=f"end it, or choose another port with {local.variable}=PORT",
        )


def _config(local: Local) -> dict[str, object]:
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(local.storage)},
            "cache": {"blobdescriptor": "inmemory"},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"127.0.0.1:{local.port}", "headers": {"X-Content-Type-Options": ["nosniff"]}},
    }


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else "(no log)"


def port_holder(port: int, proc: Path = Path("/proc")) -> str | None:
    """What listens on a TCP port of this machine, as well as it can be told; None if nothing does."""
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            rows = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in (row.split() for row in rows):
            # proc(5): local address, state (0A is LISTEN), inode.
            if fields[1].endswith(f":{port:04X}") and fields[3] == "0A":
                inodes.add(f"socket:[{fields[9]}]")
    return _owner(inodes, proc) if inodes else None


def _owner(inodes: set[str], proc: Path) -> str:
    for folder in proc.glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in inodes for link in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} (process {folder.name})"
        except OSError:
            continue
    return "another process"
