"""Real registries of a test's own, with the configuration that the test needs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import bcrypt
import httpx

from ci.local.machine import make_setup
from ci.local.toolchain import REGISTRY, tool_folder
from pipelines.key import is_key_tag


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A CNCF Distribution on the loopback. `login` is a user's name and password, if it asks for one.

    :param pid: its process; 0 before it is started.
    """

    port: int
    pid: int = 0
    login: tuple[str, str] | None = None
    scheme: str = "http"

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def tags(self, repository: str) -> list[str]:
        """Tags of a repository, without those that hold attachments of a digest, or name it by its inputs."""
        answer = httpx.get(f"http://{self.address}/v2/{repository}/tags/list", auth=self.login, trust_env=False)
        if answer.status_code == 404:
            return []
        tags = answer.raise_for_status().json()["tags"] or []
        return [tag for tag in tags if not tag.startswith("sha256-") and not is_key_tag(tag)]


@contextmanager
def distribution(
    folder: Path,
    *,
    storage: Mapping[str, object] | None = None,
    login: tuple[str, str] | None = None,
    tls: tuple[Path, Path] | None = None,
    port: int | None = None,
    auth: Mapping[str, object] | None = None,
    log: Mapping[str, object] | None = None,
) -> Iterator[Peer]:
    """The real registry, until the block ends or it is killed.

    :param folder: receives its configuration and, in `blobs`, its storage.
    :param storage: further keys of the configuration's `storage`.
    :param port: None for one that is free.
    :param tls: certificate and key, if it speaks TLS.
    :param auth: the configuration's `auth`, if it is not that of `login`.
    :param log: the configuration's `log`, if more than errors is to be in `log.txt`.
    """
    peer = Peer(port=port or free_port(), login=login, scheme="https" if tls else "http")
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, object] = {
        "version": 0.1,
        "log": log or {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}, **(storage or {})},
        "http": {"addr": f"127.0.0.1:{peer.port}"},
    }
    if auth is not None:
        config["auth"] = auth
    if login is not None:
        users = folder / "htpasswd"
        users.write_text(f"{login[0]}:{bcrypt.hashpw(login[1].encode(), bcrypt.gensalt(rounds=4)).decode()}\n")
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(users)}}
    if auth is not None:
        config["auth"] = auth
    if tls is not None:
        address = f"127.0.0.1:{peer.port}"
        config["http"] = {"addr": address, "tls": {"certificate": str(tls[0]), "key": str(tls[1])}}
    (folder / "config.json").write_text(json.dumps(config))
    binary = tool_folder(make_setup(os.environ, print), REGISTRY) / "registry"
    with (folder / "log.txt").open("w") as output:
        environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
        process = subprocess.Popen(
            [binary, "serve", folder / "config.json"],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    try:
        _wait(peer, process, folder / "log.txt")
        yield replace(peer, pid=process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of this size on the folder, until the block ends; `grow` makes it larger."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "sealift-test", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def grow(folder: Path, size: str) -> None:
    """Give the folder's `small_disk` more room."""
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(peer: Peer, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"{peer.scheme}://{peer.address}/v2/", trust_env=False, verify=False)  # noqa: S501
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the registry does not answer: {log.read_text()}")
