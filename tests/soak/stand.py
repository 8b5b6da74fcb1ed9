"""Two registries behind a relay each, which can be killed, started again, and put back to what they held before."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.peers import Peer, distribution
from tests.faults.programs import eventually
from tests.faults.relay import Asked, Relay, relay

INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class Registry:
    """A registry, and the relay through which releases reach it.

    :param prefix: of the images' names there.
    """

    folder: Path
    prefix: str
    peer: Peer
    relay: Relay
    _running: ExitStack = field(default_factory=ExitStack)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        os.kill(self.peer.pid, signal.SIGKILL)

    def start(self) -> None:
        """Start it again, at its port and with what its disk holds."""
        self._running.close()
        self._running = ExitStack()
        self.peer = self._running.enter_context(_served(self.folder, self.peer.port))

    def end(self) -> None:
        self._running.close()

    def manifest(self, service: str, reference: str) -> httpx.Response:
        """An answer of the registry itself, not of the relay."""
        url = f"http://{self.peer.address}/v2/{self.prefix}{service}/manifests/{reference}"
        return httpx.get(url, headers={"Accept": INDEX}, trust_env=False)

    def tags(self, service: str) -> dict[str, str]:
        """Public tag → digest."""
        return {
            tag: self.manifest(service, tag).headers["docker-content-digest"]
            for tag in self.peer.tags(f"{self.prefix}{service}")
        }

    def attached(self, service: str, digest: str) -> int:
        """How many signatures and attestations a digest has, by the registry's list of them."""
        answer = self.manifest(service, digest.replace(":", "-"))
        return len(answer.json()["manifests"]) if answer.status_code == 200 else 0

    def keep(self) -> None:
        """Remember what it holds; nobody asks it meanwhile."""
        shutil.rmtree(self.folder / "kept", ignore_errors=True)
        shutil.copytree(self.folder / "blobs", self.folder / "kept")

    def restore(self) -> None:
        """Let it hold what it held when `keep` was called. It has no cache."""
        shutil.rmtree(self.folder / "blobs")
        shutil.copytree(self.folder / "kept", self.folder / "blobs")


@dataclass
class Stand:
    """Both registries. `heard` is called at each request to either, before the registry has it."""

    registries: tuple[Registry, Registry]
    heard: Callable[[Asked], None]

    @property
    def environment(self) -> dict[str, object]:
        """What `sealift.yaml` says of it."""
        first, second = self.registries
        also = [{"registry": second.relay.address, "prefix": second.prefix}]
        return {"registry": first.relay.address, "tags": ["dev", "semver"], "also": also}

    def quiet(self) -> bool:
        """Whether nothing is connected to the relays any more."""
        return eventually(lambda: all(registry.relay.open == 0 for registry in self.registries))


@contextmanager
def _served(folder: Path, port: int | None = None) -> Iterator[Peer]:
    with distribution(folder, storage={"delete": {"enabled": True}}, port=port) as peer:
        yield peer


@contextmanager
def standing(folder: Path) -> Iterator[Stand]:
    """Two empty registries, until the block ends."""
    stand: Stand

    def rule(asked: Asked) -> None:
        stand.heard(asked)

    with ExitStack() as stack:
        made = []
        for name, prefix in (("one", f"soak-{secrets.token_hex(3)}/"), ("two", "mirror/")):
            running = ExitStack()
            peer = running.enter_context(_served(folder / name))
            server = stack.enter_context(relay(rule, peer.address))
            made.append(Registry(folder=folder / name, prefix=prefix, peer=peer, relay=server, _running=running))
            stack.callback(made[-1].end)
        stand = Stand(registries=(made[0], made[1]), heard=lambda _: None)
        yield stand
