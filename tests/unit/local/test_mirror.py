from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci.local import mirror as module
from ci.local.images.bases import BASES
from ci.local.images.build import REBUILT, build_image, recipe_key
from ci.local.images.oci import Entry, Layout
from ci.local.images.recipe import Recipe
from ci.local.images.tools import TOOLS
from ci.local.mirror import fill_mirror, split_name
from ci.local.registry import Local
from ci.local.setup import Setup
from pipelines import tools as pinned
from pipelines.errors import EngineError

if TYPE_CHECKING:
    from conftest import RecordingRunner

DIGEST = "sha256:" + "1" * 64


def contents(_setup: Setup, architecture: str) -> Sequence[Entry]:
    return [Entry("arch", content=architecture.encode())]


RECIPE = Recipe(
    names=("docker.io/library/thing:1", "docker.io/library/thing:1-slim"),
    title="Thing 1",
    packages=("x",),
    contents=contents,
)


@pytest.fixture
def mirror(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Local:
    """A mirror that has whatever was pushed to it."""
    monkeypatch.setattr(module, "tool_folder", lambda _setup, _tool: Path("/tools"))
    monkeypatch.setattr(module, "build_image", lambda _setup, _recipe, _folder: DIGEST)
    monkeypatch.setattr(module, "head_digest", lambda _port, _repository, _tag: DIGEST)
    return Local("mirror", 5055, setup.paths.cache / "mirror", "SEALIFT_MIRROR_PORT")


def test_an_image_is_built_once_and_pushed_under_all_its_names(
    setup: Setup, mirror: Local, runner: RecordingRunner
) -> None:
    fill_mirror(setup, mirror, [RECIPE])
    fill_mirror(setup, mirror, [RECIPE])
    targets = [command[-1] for command in runner.ran("/tools/regctl")]
    assert targets == ["localhost:5055/docker.io/library/thing:1", "localhost:5055/docker.io/library/thing:1-slim"]


def test_what_the_mirror_lost_is_pushed_again(
    setup: Setup, mirror: Local, runner: RecordingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_mirror(setup, mirror, [RECIPE])
    monkeypatch.setattr(module, "head_digest", lambda _port, _repository, _tag: None)
    fill_mirror(setup, mirror, [RECIPE])
    assert len(runner.ran("/tools/regctl")) == 4


def test_a_changed_recipe_is_pushed_again(setup: Setup, mirror: Local, runner: RecordingRunner) -> None:
    fill_mirror(setup, mirror, [RECIPE])
    fill_mirror(setup, mirror, [replace(RECIPE, packages=("x", "y"))])
    assert len(runner.ran("/tools/regctl")) == 4


def test_a_failed_push_is_an_engine_error(setup: Setup, mirror: Local, runner: RecordingRunner) -> None:
    runner.answer("/tools/regctl", status=1, errors="disk full")
    with pytest.raises(EngineError, match="disk full"):
        fill_mirror(setup, mirror, [RECIPE])


def test_the_key_knows_the_machines_authorities(setup: Setup, tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text("one")
    trusting = replace(setup, extra_cas=(ca,))
    first = recipe_key(trusting, RECIPE)
    ca.write_text("two")
    assert len({recipe_key(setup, RECIPE), first, recipe_key(trusting, RECIPE)}) == 3


def test_a_rebuilt_image_says_so(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ci.local.images import build

    base = tmp_path / "base"
    base.mkdir()
    build.write_entries(base, [Entry("etc/os-release", content=b"x")])
    monkeypatch.setattr(build, "debian_layer", lambda *_: build.load_layer(base))
    setup.paths.images.mkdir()
    seen: list[dict[str, object]] = []
    original = Layout.image

    def record(self: Layout, architecture: str, layers: list[object], config: object, annotations: object) -> object:
        seen.append({"architecture": architecture, "layers": len(layers), "config": config, "annotations": annotations})
        return original(self, architecture, layers, config, annotations)  # type: ignore[arg-type]

    monkeypatch.setattr(Layout, "image", record)
    trusting = replace(setup, extra_cas=(tmp_path / "ca.crt",))
    (tmp_path / "ca.crt").write_text("x")
    build_image(trusting, replace(RECIPE, config={"Env": ["A=b"]}), tmp_path / "layout")
    assert [(image["architecture"], image["layers"]) for image in seen] == [("amd64", 2), ("arm64", 2)]
    for image in seen:
        assert image["config"]["Labels"][REBUILT] == image["annotations"][REBUILT] == "true"
        assert image["config"]["Env"][0] == "A=b"
        assert "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in image["config"]["Env"]


def test_names_are_split_at_the_tag() -> None:
    assert split_name("docker.io/library/python:3.11-slim") == ("docker.io/library/python", "3.11-slim")


def test_every_image_that_the_graph_pins_can_be_rebuilt() -> None:
    names = {name for recipe in (*BASES, *TOOLS) for name in recipe.names}
    assert {tool.image for tool in pinned.ALL} <= names
