"""Turns a recipe into an OCI layout in the cache."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.local.images.debian import debian_layer
from ci.local.images.oci import Entry, Layer, Layout, load_layer, write_entries
from ci.local.images.recipe import Recipe
from ci.local.setup import Setup, fingerprint

REBUILT = "dev.sealift.rebuilt"
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# Programs that bring a trust store of their own and ignore the system's unless told.
_TRUST_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE")


TAG = "rebuilt"
"""The tag of the image within its layout."""


def recipe_key(setup: Setup, recipe: Recipe) -> str:
    """A hash over all that the image is made of, this package's code and the machine's further CAs included."""
    cas = [part for path in setup.extra_cas for part in (path.name, path)]
    facts = [recipe.names, recipe.title, recipe.packages, recipe.accounts, dict(recipe.config), recipe.platforms]
    return fingerprint(json.dumps([facts, recipe.facts]), Path(__file__).parent, setup.machine, *cas)


def build_image(setup: Setup, recipe: Recipe, folder: Path) -> str:
    """Write the image's OCI layout to `folder`; returns the digest of its index."""
    setup.report(f"rebuilding {recipe.names[0]} from packages …")
    layout = Layout(folder)
    marks = _marks(recipe)
    config = {**recipe.config, "Labels": marks}
    if setup.extra_cas:
        config["Env"] = [*_environment(recipe.config), *(f"{variable}={_BUNDLE}" for variable in _TRUST_VARIABLES)]
    images = []
    for platform in recipe.platforms or (setup.machine,):
        base = debian_layer(setup, recipe.packages, recipe.accounts, platform)
        with TemporaryDirectory(dir=setup.paths.images) as work:
            layers = [base, *_own_layer(Path(work), recipe.contents(setup, platform))]
            images.append(layout.image(platform, layers, config, marks))
    return layout.index(images, marks, TAG)


def _marks(recipe: Recipe) -> dict[str, str]:
    return {
        "org.opencontainers.image.title": f"rebuilt: {recipe.title}",
        "org.opencontainers.image.description": "Rebuilt from packages by `sealift up`: not the official image",
        REBUILT: "true",
    }


def _environment(config: Mapping[str, object]) -> list[str]:
    known = config.get("Env", [])
    return [str(entry) for entry in known] if isinstance(known, list) else []


def _own_layer(work: Path, entries: Sequence[Entry]) -> list[Layer]:
    if not entries:
        return []
    write_entries(work, entries)
    return [load_layer(work)]
