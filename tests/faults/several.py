"""Releases of two services to two registries, the second behind a relay.

What is the same for all tests, building, describing and signing an earlier and a later release, is done once; each test
has the earlier one published under prefixes of its own, and publishes the later one.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults.peers import Peer
from tests.faults.relay import Asked, Relay
from tests.faults.small import Small
from tests.scratch import REGISTRY, ROOT, TINY, Registry, run

DENIED = '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
INDEX = "application/vnd.oci.image.index.v1+json"
SERVICES = ("api", "web")


@dataclass
class Pair(Small):
    """Two services; `mirror` is their prefix at the second registry."""

    mirror: str = "mirror/"

    def local(self, server: Relay, **settings: str) -> dict[str, object]:
        """The environment with both registries."""
        also = [{"registry": server.address, "prefix": self.mirror}]
        return {"registry": REGISTRY, "tags": ["dev"], "also": also, **settings}

    def elsewhere(self, folder: Path, server: Relay) -> Pair:
        """A copy, with prefixes of its own, under which both registries have what they have under the present ones."""
        name = f"test-{secrets.token_hex(4)}/"
        shutil.copytree(self.root, folder, ignore=shutil.ignore_patterns("dist"))
        made = Pair(
            root=folder,
            env=dict(self.env),
            registry=Registry(prefix=name, env=self.registry.env),
            services=self.services,
            mirror=name,
        )
        plain = [f"--host=reg={host},tls=disabled" for host in (REGISTRY, server.address)]
        copy = ["regctl", *plain, "image", "copy", "--referrers", "--digest-tags"]
        for service in SERVICES:
            for registry, prefix in ((REGISTRY, self.registry.prefix), (server.address, self.mirror)):
                ends = [f"{registry}/{prefix}{service}:dev", f"{registry}/{name}{service}:dev"]
                done = run([*copy, *ends], env=self.registry.env)
                assert done.returncode == 0, done.stderr
        made.extra["environments"] = {"local": made.local(server)}
        made.commit()
        return made


def two_services(engine: Mapping[str, str], folder: Path) -> Pair:
    """Two services that are quickly made."""
    env = {**engine, "PYTHONPATH": str(ROOT), "SEALIFT_KEYS_DIR": str(folder / "keys")}
    registry = Registry(prefix=f"test-{secrets.token_hex(4)}/", env=engine)
    made = Pair(root=folder / "repository", env=env, registry=registry)
    made.root.mkdir()
    (made.root / ".gitignore").write_text("dist/\nelsewhere/\n.env\n")
    for name in SERVICES:
        made.service(name, dockerfile=TINY, settings={"boot": None})
    return made


def first_release(engine: Mapping[str, str], folder: Path, server: Relay) -> Pair:
    """The two services, published to both registries under `dev`."""
    made = two_services(engine, folder)
    made.extra["environments"] = {"local": made.local(server)}
    made.commit()
    done = made.sealift("build-all", "--no-scan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PUBLISHED to {REGISTRY}, {server.address}: 4 tag(s) moved." in done.stdout
    return made


def change(two: Small) -> None:
    """Change and commit both services."""
    for name in SERVICES:
        with (two.root / f"services/{name}/server.py").open("a") as file:
            file.write("# changed\n")
    two.commit()


def there(peer: Peer, repository: str, tag: str) -> str | None:
    """What a tag names at the second registry."""
    url = f"http://{peer.address}/v2/{repository}/manifests/{tag}"
    return httpx.head(url, headers={"Accept": INDEX}, trust_env=False).headers.get("docker-content-digest")


def dev(two: Pair, peer: Peer) -> dict[str, set[str | None]]:
    """Service → what `dev` names at the two registries."""
    return {name: {two.registry.digest(name, "dev"), there(peer, f"{two.mirror}{name}", "dev")} for name in SERVICES}


def put_tag(asked: Asked) -> str | None:
    """The tag that a request would move."""
    found = re.search(r"/manifests/(\w+)$", asked.path)
    return found[1] if found and asked.method == "PUT" else None
