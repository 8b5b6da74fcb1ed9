from __future__ import annotations

import json
from pathlib import Path

from ci.local.engine import engine_config
from ci.local.official import ENGINE_IMAGE
from ci.local.registry import Local

HOST = Path(__file__).resolve().parents[3] / "deploy/engine/host"


def test_a_persistent_engine_has_the_settings_of_ours(tmp_path: Path) -> None:
    """The engine that all other tests run on has these settings, and a mirror beside them."""
    local = Local("registry", 5000, tmp_path, "X")
    ours = engine_config(local, local)
    del ours["registries"]
    assert json.loads((HOST / "engine.json").read_text()) == ours


def test_the_unit_runs_the_engine_of_our_version() -> None:
    assert f" {ENGINE_IMAGE} " in (HOST / "sealift-engine.service").read_text()
