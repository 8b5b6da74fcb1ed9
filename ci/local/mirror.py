"""Fills the local mirror with rebuilt images, under the names that Dockerfiles and the tool pins use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.local.images.bases import BASES
from ci.local.images.build import TAG, build_image, recipe_key
from ci.local.images.recipe import Recipe
from ci.local.images.tools import TOOLS
from ci.local.registry import Local, head_digest
from ci.local.setup import Setup
from ci.local.toolchain import REGCTL, tool_folder
from pipelines.errors import EngineError

UPSTREAMS = ("docker.io", "gcr.io", "ghcr.io", "quay.io")
"""Registries whose images the engine looks for in the mirror first."""


def fill_mirror(setup: Setup, mirror: Local, recipes: Sequence[Recipe] = (*BASES, *TOOLS)) -> None:
    """Build and push what the mirror does not have yet."""
    published = _Published(mirror.storage.with_name(f"{mirror.storage.name}.json"))
    for recipe in recipes:
        key = recipe_key(setup, recipe)
        digest = published.digest(recipe.names[0], key)
        if digest is None or any(head_digest(mirror.port, *split_name(name)) != digest for name in recipe.names):
            digest = _publish(setup, mirror, recipe)
            published.enter(recipe.names[0], key, digest)


def split_name(reference: str) -> tuple[str, str]:
    """Repository within the mirror, and tag: `docker.io/library/python:3.11` → (docker.io/library/python, 3.11)."""
    repository, _, tag = reference.rpartition(":")
    return repository, tag


def _publish(setup: Setup, mirror: Local, recipe: Recipe) -> str:
    with layout_folder(setup) as layout:
        digest = build_image(setup, recipe, layout)
        for name in recipe.names:
            push_layout(setup, mirror, layout, name)
    return digest


@contextmanager
def layout_folder(setup: Setup) -> Iterator[Path]:
    """A folder for an OCI layout, which is not kept: the mirror has the image."""
    setup.paths.images.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=setup.paths.images, prefix=".layout-") as work:
        yield Path(work) / "layout"


def push_layout(setup: Setup, mirror: Local, layout: Path, name: str) -> None:
    """Copy the image of a layout to the mirror under a name."""
    regctl = tool_folder(setup, REGCTL) / "regctl"
    source, target = f"ocidir://{layout}:{TAG}", f"{mirror.address}/{name}"
    plain = f"reg={mirror.address},tls=disabled"
    done = setup.runner.run([regctl, "--host", plain, "image", "copy", source, target], timeout=600)
    if not done.ok:
        raise EngineError(
            f"{name} could not be pushed to the local mirror: {(done.errors or done.output).strip()}",
            remedy="run the command again; `sealift doctor` checks disk space and the mirror's health",
        )


class _Published:
    """Which recipe was pushed with which digest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}

    def digest(self, name: str, key: str) -> str | None:
        entry = self.known.get(name, {})
        return entry.get("digest") if entry.get("key") == key else None

    def enter(self, name: str, key: str, digest: str) -> None:
        self.known[name] = {"key": key, "digest": digest}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.known, indent=1))
        fresh.replace(self.path)
