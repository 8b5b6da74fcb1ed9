"""A release of two services to two registries, the second behind a relay."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.faults.peers import Peer
from tests.faults.relay import Asked, Relay
from tests.faults.small import Small
from tests.scratch import REGISTRY, ROOT, TINY, Registry

DENIED = '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
INDEX = "application/vnd.oci.image.index.v1+json"
SERVICES = ("api", "web")


def two_services(engine: Mapping[str, str], folder: Path) -> Small:
    """Two services that are quickly made."""
    env = {**engine, "PYTHONPATH": str(ROOT), "SEALIFT_KEYS_DIR": str(folder / "keys")}
    registry = Registry(prefix=f"test-{secrets.token_hex(4)}/", env=engine)
    made = Small(root=folder / "repository", env=env, registry=registry)
    made.root.mkdir()
    (made.root / ".gitignore").write_text("dist/\nelsewhere/\n.env\n")
    for name in SERVICES:
        made.service(name, dockerfile=TINY, settings={"boot": None})
    return made


def first_release(engine: Mapping[str, str], folder: Path, server: Relay) -> Small:
    """The two services, published to both registries under `dev`."""
    made = two_services(engine, folder)
    made.extra["environments"] = {"local": local(server)}
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


def local(server: Relay, **settings: str) -> dict[str, object]:
    also = [{"registry": server.address, "prefix": "mirror/"}]
    return {"registry": REGISTRY, "tags": ["dev"], "also": also, **settings}


def there(peer: Peer, service: str, tag: str) -> str | None:
    """What a tag names at the second registry."""
    url = f"http://{peer.address}/v2/mirror/{service}/manifests/{tag}"
    return httpx.head(url, headers={"Accept": INDEX}, trust_env=False).headers.get("docker-content-digest")


def dev(scratch: Small, peer: Peer) -> dict[str, set[str | None]]:
    """Service → what `dev` names at the two registries."""
    return {name: {scratch.registry.digest(name, "dev"), there(peer, name, "dev")} for name in SERVICES}


def put_tag(asked: Asked) -> str | None:
    """The tag that a request would move."""
    found = re.search(r"/manifests/(\w+)$", asked.path)
    return found[1] if found and asked.method == "PUT" else None
