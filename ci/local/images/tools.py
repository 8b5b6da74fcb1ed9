"""The rebuilt tool images, with the entry points of the official ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ci.local.images.oci import Entry
from ci.local.images.recipe import SYSTEM_PATH, Contents, Recipe
from ci.local.setup import Setup
from ci.local.toolchain import COSIGN, REGCTL, REGISTRY, SYFT, TRIVY, Tool, tool_folder

_REGISTRY_CONFIG = b"""version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""


def _tool(tool: Tool, binary: str, target: str, *more: Entry) -> Contents:
    def contents(setup: Setup, _architecture: str) -> Sequence[Entry]:
        source: Path = tool_folder(setup, tool) / binary
        return [Entry(target, source=source), Entry("tmp", mode=0o1777), *more]

    return contents


def _tool_recipe(tool: Tool, name: str, binary: str, target: str, config: Mapping[str, object], *more: Entry) -> Recipe:
    return Recipe(
        names=(name,),
        title=f"{tool.name} {tool.version}",
        packages=("ca-certificates", "base-files", "base-passwd", "netbase", "tzdata"),
        contents=_tool(tool, binary, target, *more),
        config={"Env": [f"PATH={SYSTEM_PATH}"], **config},
        platforms=(),
        facts=(tool.version, *tool.arguments),
    )


TOOLS = (
    _tool_recipe(TRIVY, "ghcr.io/aquasecurity/trivy:0.69.3", "trivy", "usr/local/bin/trivy", {"Entrypoint": ["trivy"]}),
    _tool_recipe(SYFT, "ghcr.io/anchore/syft:v1.52.0", "syft", "syft", {"Entrypoint": ["/syft"]}),
    _tool_recipe(
        COSIGN, "ghcr.io/sigstore/cosign/cosign:v3.1.3", "cosign", "ko-app/cosign", {"Entrypoint": ["/ko-app/cosign"]}
    ),
    _tool_recipe(REGCTL, "ghcr.io/regclient/regctl:v0.11.7", "regctl", "regctl", {"Entrypoint": ["/regctl"]}),
    _tool_recipe(
        REGISTRY,
        "docker.io/library/registry:3.1.2",
        "registry",
        "usr/local/bin/registry",
        {
            "Entrypoint": ["registry"],
            "Cmd": ["serve", "/etc/distribution/config.yml"],
            "ExposedPorts": {"5000/tcp": {}},
            "Volumes": {"/var/lib/registry": {}},
        },
        Entry("etc/distribution/config.yml", content=_REGISTRY_CONFIG, mode=0o644),
    ),
)
