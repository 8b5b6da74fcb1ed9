"""Base images and tools that are pinned: what is built on is the lock's, whatever names stand for by then."""

from __future__ import annotations

import gzip
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ci.local.machine import locals_of, make_setup
from ci.local.paths import find_paths
from ci.local.record import load_record
from pipelines import tools
from pipelines.lock import FILE
from pipelines.model import RECORDS
from pipelines.registry.documents import INDEX, MANIFEST
from tests.faults.filled import CONFIG, LAYER, Filled, digest_of, layer
from tests.faults.peers import Peer
from tests.faults.relay import Asked, Relay
from tests.faults.small import Small, without_pauses
from tests.scratch import REGISTRY, Registry

PYTHON = "docker.io/library/python:3.11-slim-bookworm"


@dataclass
class Images:
    """Small images in the local registry, to be built on."""

    filled: Filled

    def push(self, name: str, tag: str, said: str) -> str:
        """An image of two platforms with one file, `/NAME`; the digest of its index."""
        data = layer(name, said.encode())
        children = []
        for architecture in ("amd64", "arm64"):
            config = {
                "os": "linux",
                "architecture": architecture,
                "config": {"Labels": {"platform": architecture}},
                "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(data))]},
            }
            described = self.filled.blob(name, json.dumps(config).encode(), CONFIG)
            layers = [self.filled.blob(name, data, LAYER)]
            held = self.filled.manifest(name, {"mediaType": MANIFEST, "config": described, "layers": layers})
            children.append({**held, "platform": {"os": "linux", "architecture": architecture}})
        return str(self.filled.manifest(name, {"mediaType": INDEX, "manifests": children}, tag)["digest"])

    def name(self, name: str) -> str:
        return self.filled.name(name)


def tools_here(environ: Mapping[str, str]) -> dict[str, str]:
    """The tools by names under which their images are really served: an assembled engine's are in its mirror."""
    if load_record(find_paths(environ).record).mode != "assembled":
        return {}
    _, mirror = locals_of(make_setup(environ, lambda _: None))
    return {tool.name: f"{mirror.address}/{tool.image}" for tool in tools.ALL}


@pytest.fixture(scope="module")
def images(engine: Mapping[str, str]) -> Iterator[Images]:
    prefix = f"test-{secrets.token_hex(4)}/"
    made = Images(Filled(address=REGISTRY, prefix=prefix, env=engine, keys=Path()))
    yield made
    for name in ("base", "tool", "other"):
        for tag in httpx.get(f"{made.filled.url(name)}/tags/list", trust_env=False).json().get("tags") or []:
            httpx.delete(f"{made.filled.url(name)}/manifests/{tag}", trust_env=False).raise_for_status()


@pytest.fixture(scope="module")
def shop(engine: Mapping[str, str], images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A service that is built on one image, copies from a second, and mounts a third; no lock yet."""
    made = Small.create(tmp_path_factory.mktemp("lock"), engine)
    made.registry = Registry(prefix=f"test-{secrets.token_hex(4)}/", env=engine)
    (made.root / "services/web/Dockerfile").write_text(
        f"FROM --platform=$BUILDPLATFORM {images.name('other')}:3.1.0 AS build\n"
        f"FROM {images.name('base')}:1.2\n"
        f"COPY --from={images.name('tool')}:2.0 /tool /tool\n"
        "COPY --from=build /other /other\n"
        "COPY site /usr/lib/python3/dist-packages\n"
        "USER 1001:1001\n"
    )
    made.extra["tools"] = tools_here(os.environ)
    made.commit()
    yield made
    made.delete("web", RECORDS)


@pytest.fixture
def locked(shop: Small, images: Images) -> Iterator[Small]:
    """The same with a lock of what the names stand for now."""
    for name, tag in (("base", "1.2"), ("tool", "2.0"), ("other", "3.1.0")):
        images.push(name, tag, f"first {os.urandom(4).hex()}")
    (shop.root / FILE).unlink(missing_ok=True)
    done = shop.sealift("lock")
    assert done.returncode == 0, done.stderr
    dockerfile = (shop.root / "services/web/Dockerfile").read_text()
    yield shop
    (shop.root / "services/web/Dockerfile").write_text(dockerfile)


def lock_of(shop: Small) -> dict[str, Any]:
    return yaml.safe_load((shop.root / FILE).read_text())  # type: ignore[no-any-return]


def built(shop: Small, *arguments: str) -> dict[str, str]:
    """File → what the published image has in it."""
    done = shop.sealift("build-all", "--no-scan", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    name = f"{REGISTRY}/{shop.registry.prefix}web:dev"
    return {
        file: shop.registry.regctl("image", "get-file", "--platform=linux/amd64", name, f"/{file}").stdout
        for file in ("base", "tool", "other")
    }


def test_a_lock_has_every_image_and_tool_for_every_platform(locked: Small, images: Images) -> None:
    text = (locked.root / FILE).read_text()
    lock = lock_of(locked)
    assert list(lock["bases"]) == sorted(lock["bases"])
    assert set(lock["bases"]) == {f"{images.name(name)}:{tag}" for name, tag in
                                  (("base", "1.2"), ("tool", "2.0"), ("other", "3.1.0"))}  # fmt: skip
    for entry in lock["bases"].values():
        assert set(entry["platforms"]) == {"linux/amd64", "linux/arm64"}
    assert set(lock["tools"]) == {tool.name for tool in tools.ALL}
    again = locked.sealift("lock")
    assert again.stdout.splitlines()[-1] == f"{FILE}: 10 entries, as they were."
    assert (locked.root / FILE).read_text() == text
    assert locked.sealift("lock", "--check").returncode == 0
    plan = json.loads(locked.sealift("plan", "--json").stdout)
    assert not [note for note in plan["notes"] if "lock" in note]


def test_what_is_built_on_is_the_locks_when_every_tag_has_moved(locked: Small, images: Images) -> None:
    before = lock_of(locked)
    first = built(locked)
    assert all(text.startswith("first ") for text in first.values()), first
    moved = {
        name: images.push(name, tag, f"moved {os.urandom(4).hex()}")
        for name, tag in (("base", "1.2"), ("tool", "2.0"), ("other", "3.1.0"))
    }
    images.push("base", "1.3", "newer")
    assert built(locked, "--no-cache", "--no-reuse") == first
    record = locked.record()
    base = f"{images.name('base')}:1.2"
    assert record["plan"]["services"][0]["pins"][base] == before["bases"][base]["index"]
    labels = record["services"]["web"]["platforms"]["linux/amd64"]["labels"]
    assert labels["org.opencontainers.image.base.digest"] == before["bases"][base]["index"]
    for name, reference in record["tools"].items():
        assert reference.endswith(f"@{before['tools'][name]['index']}")

    said = {one["entry"]: one for one in json.loads(locked.sealift("lock", "--outdated", "--json").stdout)}
    assert (said[base]["now"], said[base]["moved"], said[base]["newer"]) == (moved["base"], True, ["1.3"])
    assert not said["tool cosign"]["moved"]

    assert locked.sealift("lock", "--update", base).returncode == 0
    after = lock_of(locked)
    assert after["bases"][base]["index"] == moved["base"]
    assert after["bases"] == {**before["bases"], base: after["bases"][base]}
    assert locked.sealift("lock", "--update").returncode == 0
    assert all(text.startswith("moved ") for text in built(locked).values())
    pinned = locked.registry.index("web", "dev")
    (locked.root / FILE).unlink()
    assert all(text.startswith("moved ") for text in built(locked).values())
    assert locked.registry.index("web", "dev") == pinned, "a lock changes what is chosen, and not what is made of it"


def test_a_registry_is_asked_for_what_is_built_on_without_a_lock_only(
    locked: Small, engine: Mapping[str, str], peer: Peer, server: Relay
) -> None:
    name = f"test-{secrets.token_hex(4)}"
    there = Images(Filled(address=peer.address, prefix=f"{name}/", env=engine, keys=Path()))
    there.push("base", "1.2", name)
    dockerfile = locked.root / "services/web/Dockerfile"
    dockerfile.write_text(f"FROM {server.address}/{name}/base:1.2\nCOPY site /site\nUSER 1001:1001\n")
    assert locked.sealift("lock").returncode == 0
    asked: list[str] = []

    def note(request: Asked) -> None:
        asked.append(f"{request.method} {request.path}")

    server.rule = note
    try:
        for there_is_one in (True, False):
            done = locked.sealift("plan", "--ask", "--json")
            assert json.loads(done.stdout)["reuse"][0]["key"], done.stderr
            assert bool(asked) != there_is_one, asked
            (locked.root / FILE).unlink(missing_ok=True)
    finally:
        server.rule = lambda _: None


def test_a_lock_that_is_out_of_date_is_told_and_mended(locked: Small, images: Images) -> None:
    dockerfile = locked.root / "services/web/Dockerfile"
    images.push("base", "1.3", "another")
    dockerfile.write_text(dockerfile.read_text().replace("base:1.2", "base:1.3"))
    old, new = (f"{images.name('base')}:{tag}" for tag in ("1.2", "1.3"))
    checked = locked.sealift("lock", "--check", "--json")
    assert checked.returncode == 1
    assert [(one["kind"], one["entry"]) for one in json.loads(checked.stdout)["differences"]] == [
        ("unused", old), ("missing", new),
    ]  # fmt: skip
    refused = locked.sealift("build-all", "--no-scan")
    assert refused.returncode == 3
    assert f"services/web/Dockerfile:2: {new} is not in {FILE}; run 'sealift lock'" in refused.stderr
    assert locked.sealift("lock").returncode == 0
    assert new in lock_of(locked)["bases"]
    assert old not in lock_of(locked)["bases"]
    assert locked.sealift("lock", "--check").returncode == 0
    assert built(locked)["base"] == "another"


def test_a_digest_that_was_tampered_with_is_not_built_on(locked: Small, images: Images) -> None:
    base = f"{images.name('base')}:1.2"
    index = lock_of(locked)["bases"][base]["index"]
    text = (locked.root / FILE).read_text()
    (locked.root / FILE).write_text(text.replace(index, digest_of(b"no image")))
    done = locked.sealift("build-all", "--no-scan")
    assert done.returncode == 8, done.stdout + done.stderr
    assert digest_of(b"no image") in done.stderr
    (locked.root / FILE).write_text(text.replace(index, index[:-1]))
    broken = locked.sealift("build-all", "--no-scan")
    assert broken.returncode == 3
    assert "is not a digest; expected 'sha256:' and 64 hexadecimal digits" in broken.stderr


def test_a_registry_that_is_away_leaves_the_lock_as_it_was(locked: Small) -> None:
    dockerfile = locked.root / "services/web/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "COPY --from=localhost:1/away:1.0 / /\n")
    text = (locked.root / FILE).read_text()
    locked.prepared.append(without_pauses)
    try:
        done = locked.sealift("lock", "--update")
        assert done.returncode == 5, done.stderr
        assert "localhost:1" in done.stderr
        assert (locked.root / FILE).read_text() == text
        (locked.root / FILE).unlink()
        assert locked.sealift("lock").returncode == 5
    finally:
        locked.prepared.clear()
    assert not list(locked.root.glob(f"*{FILE}*"))


def test_a_lock_of_the_official_images_is_not_applied_to_rebuilt_ones_and_only_in_a_rehearsal(locked: Small) -> None:
    if not tools_here(os.environ):
        pytest.skip("this engine has the official images")
    dockerfile = locked.root / "services/web/Dockerfile"
    dockerfile.write_text(f"FROM {PYTHON}\nCOPY site /site\nUSER 1001:1001\n")
    lock = lock_of(locked)
    official = {"index": digest_of(b"official"), "platforms": {"linux/amd64": digest_of(b"amd64")}}
    lock["bases"] = {PYTHON: official}
    (locked.root / FILE).write_text(yaml.safe_dump(lock))
    done = locked.sealift("build-all", "--no-scan", "--no-push")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"sealift.lock is NOT applied to {PYTHON}: this engine has rebuilt images" in done.stderr
    assert locked.record()["rebuilt_bases"] is True
    assert locked.record()["fit_for_release"] is False
    refused = locked.sealift("build", "--env", "staging")
    assert refused.returncode == 8, refused.stdout + refused.stderr
    assert official["index"] in refused.stderr
    assert "NOT applied" not in refused.stderr


def test_what_is_not_labelled_as_rebuilt_is_never_taken_for_the_locks(locked: Small, images: Images) -> None:
    """A rehearsal on an assembled engine too: the names are those of a registry that nothing stands in for."""
    base = f"{images.name('base')}:1.2"
    index = lock_of(locked)["bases"][base]["index"]
    images.push("base", "1.2", "not the lock's")
    text = (locked.root / FILE).read_text()
    (locked.root / FILE).write_text(text.replace(index, digest_of(b"gone")))
    done = locked.sealift("build-all", "--no-scan", "--no-push")
    assert done.returncode == 8, done.stdout + done.stderr
    assert "NOT applied" not in done.stderr


def test_wrong_usage_and_unknown_names(locked: Small) -> None:
    assert locked.sealift("lock", "--check", "--outdated").returncode == 2
    assert locked.sealift("lock", "trivy").returncode == 2
    unknown = locked.sealift("lock", "--update", "trivi")
    assert unknown.returncode == 3
    assert "did you mean 'trivy'?" in unknown.stderr
    (locked.root / FILE).unlink()
    assert locked.sealift("lock", "--outdated").returncode == 3
    assert locked.sealift("lock", "--check").returncode == 1
